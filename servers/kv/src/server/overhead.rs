//! Where memory goes: what is data, and what is not. The one rule: figures that are one another's parts are
//! taken at one moment.

use super::Server;

/// What is known at a moment; all in bytes, but for the number of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overhead {
    /// What is allocated.
    pub(crate) used: usize,
    /// The most that ever was.
    pub(crate) peak: usize,
    /// What the process occupies.
    pub(crate) resident: usize,
    /// What was allocated when there was no data.
    pub(crate) startup: usize,
    /// What clients take: their buffers and what they wait for.
    pub(crate) clients: usize,
    /// Of each database that is not empty its number, and what its tables take: of keys, and of expiries.
    pub(crate) databases: Vec<(usize, usize, usize)>,
    /// How many keys there are.
    pub(crate) keys: usize,
}

impl Overhead {
    /// All that is not data.
    pub(crate) fn total(&self) -> usize {
        let tables: usize = self.databases.iter().map(|(_, main, expires)| main + expires).sum();
        self.startup + self.clients + tables
    }

    /// What data take.
    pub(crate) fn dataset(&self) -> usize {
        self.used.saturating_sub(self.total())
    }

    /// What has come since the start.
    fn net(&self) -> usize {
        self.used.saturating_sub(self.startup)
    }

    /// How much of what has come since the start is data, in percent.
    pub(crate) fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.net())
    }

    /// How much of the most that ever was allocated is now, in percent.
    pub(crate) fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// What a key takes.
    pub(crate) fn bytes_per_key(&self) -> usize {
        self.net().checked_div(self.keys).unwrap_or(0)
    }

    /// How many times what is allocated the process occupies.
    pub(crate) fn fragmentation(&self) -> f64 {
        if self.used == 0 { 0.0 } else { self.resident as f64 / self.used as f64 }
    }

    /// How much more than what is allocated it occupies.
    pub(crate) fn fragmentation_bytes(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

impl Server {
    /// Where memory goes just now. Looks at each client.
    pub(crate) fn overhead(&self) -> Overhead {
        /// A place in a table, with its tag.
        const PLACE_BYTES: usize = size_of::<usize>() + 1;
        let databases = (0..self.database_count()).filter(|db| !self.database(*db).is_empty());
        let databases: Vec<_> = databases
            .map(|db| {
                let (main, expires) = self.database(db).slots();
                (db, main * PLACE_BYTES, expires * PLACE_BYTES)
            })
            .collect();
        Overhead {
            used: self.memory.used(),
            peak: self.memory.peak(),
            resident: self.memory.resident(),
            startup: self.memory.startup,
            clients: self.clients.iter().map(|client| client.memory()).sum(),
            keys: databases.iter().map(|(db, ..)| self.database(*db).len()).sum(),
            databases,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_overhead_is_data() {
        let overhead = Overhead {
            used: 1000,
            peak: 2000,
            resident: 1500,
            startup: 100,
            clients: 50,
            databases: vec![(0, 200, 50)],
            keys: 9,
        };
        assert_eq!((overhead.total(), overhead.dataset(), overhead.bytes_per_key()), (400, 600, 100));
        assert_eq!((overhead.fragmentation(), overhead.fragmentation_bytes()), (1.5, 500));
        assert_eq!(overhead.peak_percent(), 50.0);
    }

    #[test]
    fn without_figures_nothing_is_divided_by_zero() {
        let none = Overhead::default();
        assert_eq!((none.bytes_per_key(), none.fragmentation(), none.dataset_percent()), (0, 0.0, 0.0));
    }
}
