//! How often everything is listed where others commit all the time.

/// Elements that an audit may list on average: some tenths of a second.
const A_LISTING: usize = 50_000;

/// The agent audits every 30 seconds: what somebody changed is put right within five minutes at the latest.
const MOST: usize = 9;

/// How many audits pass before the next listing. Whether a transaction of somebody else touched our elements is known only
/// by listing them all, and on most machines none ever does.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Elements of the last listing.
    elements: usize,
    resting: usize,
}

impl Pace {
    /// For each audit: whether it may list.
    pub(crate) fn is_due(&mut self) -> bool {
        let due = self.resting == 0;
        self.resting = self.resting.saturating_sub(1);
        due
    }

    /// Everything was listed, and found as it should be or not; `None`: the listing failed, and cost at least as much.
    pub(crate) fn listed(&mut self, elements: Option<usize>, whole: bool) {
        self.elements = elements.unwrap_or(self.elements);
        // Who meddles once does so again.
        self.resting = if whole {
            (self.elements / A_LISTING).min(MOST)
        } else {
            0
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of this many audits on a machine where others commit all the time, how many list.
    fn listings(pace: &mut Pace, audits: usize, elements: Option<usize>, whole: bool) -> usize {
        let mut listings = 0;
        for _ in 0..audits {
            if pace.is_due() {
                listings += 1;
                pace.listed(elements, whole);
            }
        }
        listings
    }

    #[test]
    fn large_nodes_list_less_often_and_none_less_than_every_tenth_time() {
        for (name, elements, whole, expected) in [
            ("a small node", Some(49_999), true, 60),
            ("a listing's worth", Some(50_000), true, 30),
            ("five of them", Some(250_000), true, 10),
            ("100,000 Services", Some(1_000_000), true, 6),
            ("somebody meddles", Some(1_000_000), false, 60),
        ] {
            let found = listings(&mut Pace::default(), 60, elements, whole);
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_listing_that_fails_costs_as_much_as_the_last() {
        let mut pace = Pace::default();
        assert_eq!(listings(&mut pace, 6, None, true), 6, "nothing is known");
        pace.listed(Some(250_000), true);
        assert_eq!(listings(&mut pace, 12, None, true), 2);
    }
}
