//! Names of many files in little memory.

use super::memory::{allocated, grow, spare};
use crate::failure::BindingFailure;
use std::collections::HashMap;

/// Names, numbered from 0: each folder's once, and of each file what comes after it.
#[derive(Default)]
pub(super) struct Names {
    folders: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
    /// Of each name: where the rest of it ends in `rests`, and its folder.
    entries: Vec<(u32, u32)>,
    rests: String,
    folder_bytes: usize,
}

impl Names {
    /// Appends a name.
    pub(super) fn push(&mut self, name: &str) -> Result<(), BindingFailure> {
        let (folder, rest) = name.split_at(name.rfind(['/', '\\']).map_or(0, |at| at + 1));
        let end = u32::try_from(self.rests.len() + rest.len())
            .map_err(|_| BindingFailure::new("INVALID_OPTION", "data", "names of at most 4 GiB in all", "more"))?;
        let folder = match self.numbers.get(folder) {
            Some(&number) => number,
            None => self.add_folder(folder),
        };
        let bytes = self.rests.len() + rest.len();
        if bytes > self.rests.capacity() {
            self.rests.reserve_exact(rest.len() + spare(bytes));
        }
        self.rests.push_str(rest);
        let entries = self.entries.len() + 1;
        grow(&mut self.entries, entries);
        self.entries.push((end, folder));
        Ok(())
    }

    /// A name; empty if there is none of this number.
    pub(super) fn get(&self, number: usize) -> String {
        let Some(&(end, folder)) = self.entries.get(number) else { return String::new() };
        let start = number.checked_sub(1).map_or(0, |before| self.entries[before].0);
        [&self.folders[folder as usize], &self.rests[start as usize..end as usize]].concat()
    }

    /// Bytes of memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<(u32, u32)>() + self.rests.capacity() + self.folder_bytes
    }

    /// Gives back memory for names that never came.
    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.rests.shrink_to_fit();
    }

    fn add_folder(&mut self, folder: &str) -> u32 {
        let number = u32::try_from(self.folders.len()).unwrap_or(u32::MAX);
        self.folders.push(folder.into());
        self.numbers.insert(folder.into(), number);
        // Twice, with an entry in the list and one in the map, which has room for twice as many.
        self.folder_bytes += 2 * allocated(folder.len()) + 3 * size_of::<(Box<str>, u32)>();
        number
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_come_back_whatever_folders_they_have() {
        let all = ["/a/b/1.jpg", "/a/b/2.jpg", "none", "", "/", "c:\\d\\3.jpg", "/a/b/1.jpg", "ä/ö"];
        let mut names = Names::default();
        for name in all {
            names.push(name).unwrap();
        }
        assert!((0..all.len()).all(|number| names.get(number) == all[number]));
        assert_eq!(names.get(all.len()), "");
    }
}
