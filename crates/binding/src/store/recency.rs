//! The order in which pictures were last used.

use super::memory::grow;

/// Numbers from the one used last to the one not used for longest, as a list with links both ways: every change takes
/// the same short time, however many there are.
pub(super) struct Recency {
    /// A ring that begins and ends at place 0; a number's place is one higher. What is not in the ring is linked to itself.
    links: Vec<Links>,
}

/// The places of both neighbours.
#[derive(Clone, Copy)]
struct Links {
    newer: u32,
    older: u32,
}

impl Links {
    fn to_itself(place: usize) -> Self {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        Links { newer: place, older: place }
    }
}

impl Recency {
    pub(super) fn new() -> Self {
        Recency { links: vec![Links::to_itself(0)] }
    }

    /// Makes room for one more number; it is not in the list yet.
    pub(super) fn add(&mut self) {
        let place = self.links.len();
        grow(&mut self.links, place + 1);
        self.links.push(Links::to_itself(place));
    }

    /// Makes a number the one used last.
    pub(super) fn touch(&mut self, number: usize) {
        let place = number + 1;
        self.take_out(place);
        let newest = self.links[0].older;
        let Links { newer: link, .. } = Links::to_itself(place);
        self.links[place] = Links { newer: 0, older: newest };
        self.links[newest as usize].newer = link;
        self.links[0].older = link;
    }

    /// Takes out the number not used for longest.
    pub(super) fn take_oldest(&mut self) -> Option<usize> {
        let oldest = self.links[0].newer as usize;
        self.take_out(oldest);
        oldest.checked_sub(1)
    }

    /// Bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.links.capacity() * size_of::<Links>()
    }

    /// Gives back memory for numbers that never came.
    pub(super) fn shrink(&mut self) {
        self.links.shrink_to_fit();
    }

    fn take_out(&mut self, place: usize) {
        let Links { newer, older } = self.links[place];
        self.links[newer as usize].older = older;
        self.links[older as usize].newer = newer;
        self.links[place] = Links::to_itself(place);
    }
}

#[cfg(test)]
mod tests {
    use super::Recency;

    fn of_ten() -> Recency {
        let mut list = Recency::new();
        (0..10).for_each(|_| list.add());
        list
    }

    fn taken(mut list: Recency) -> Vec<usize> {
        std::iter::from_fn(|| list.take_oldest()).collect()
    }

    #[test]
    fn numbers_come_out_in_the_order_in_which_they_were_last_touched() {
        let mut list = of_ten();
        for number in [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5] {
            list.touch(number);
        }
        assert_eq!(taken(list), [4, 1, 9, 2, 6, 3, 5]);
    }

    #[test]
    fn a_number_that_was_taken_can_come_back() {
        let mut list = of_ten();
        for number in [0, 1, 2] {
            list.touch(number);
        }
        assert_eq!(list.take_oldest(), Some(0));
        list.touch(0);
        list.touch(1);
        assert_eq!(taken(list), [2, 0, 1]);
        assert_eq!(taken(Recency::new()), [0_usize; 0]);
    }
}
