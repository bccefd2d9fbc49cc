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

/// Collects warnings, each known by a key that is cheaper than its words: a file can cause millions.
#[derive(Default)]
pub(crate) struct Warnings<Key> {
    keys: Vec<Key>,
    warnings: Vec<Warning>,
}

impl<Key: PartialEq> Warnings<Key> {
    /// Adds a warning to others; its words are asked for if it is the first of its key.
    pub(crate) fn add(&mut self, key: Key, message: impl FnOnce() -> String) {
        let known = self.keys.iter().position(|other| *other == key);
        // The last place is that of all further ones.
        let place = known.or((self.warnings.len() == MOST).then_some(MOST - 1));
        if let Some(place) = place {
            let count = &mut self.warnings[place].count;
            *count = count.saturating_add(1);
        } else if self.warnings.len() == MOST - 1 {
            self.warnings.push(Warning { message: "other warnings".to_owned(), count: 1 });
        } else {
            self.keys.push(key);
            self.warnings.push(Warning { message: message(), count: 1 });
        }
    }

    /// All that were added.
    pub(crate) fn take(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Warnings};

    #[test]
    fn warnings_are_counted_and_few_are_kept() {
        let mut collected = Warnings::default();
        (0..100).for_each(|number| collected.add(number % 50, || format!("warning {}", number % 50)));
        let warnings = collected.take();
        assert_eq!(warnings.len(), MOST);
        assert!(warnings[..MOST - 1].iter().all(|warning| warning.count == 2));
        assert_eq!((warnings[MOST - 1].message.as_str(), warnings[MOST - 1].count), ("other warnings", 70));
    }
}
