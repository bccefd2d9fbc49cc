//! What libjpeg doubted in a file that was used all the same.

/// A doubt of libjpeg's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Warning {
    /// libjpeg's words.
    pub message: String,
    /// How often it said them.
    pub count: u32,
}

/// Different warnings kept of a file; further ones are counted together.
const MOST: usize = 16;

/// Adds a warning to others.
pub(crate) fn add(warnings: &mut Vec<Warning>, message: String) {
    let known = warnings.iter().position(|warning| warning.message == message);
    // The last place is that of all further ones.
    let place = known.or((warnings.len() == MOST).then_some(MOST - 1));
    if let Some(place) = place {
        warnings[place].count = warnings[place].count.saturating_add(1);
    } else if warnings.len() == MOST - 1 {
        warnings.push(Warning { message: "other warnings".to_owned(), count: 1 });
    } else {
        warnings.push(Warning { message, count: 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, add};

    #[test]
    fn warnings_are_counted_and_few_are_kept() {
        let mut warnings = Vec::new();
        (0..100).for_each(|number| add(&mut warnings, format!("warning {}", number % 50)));
        assert_eq!(warnings.len(), MOST);
        assert!(warnings[..MOST - 1].iter().all(|warning| warning.count == 2));
        assert_eq!((warnings[MOST - 1].message.as_str(), warnings[MOST - 1].count), ("other warnings", 70));
    }
}
