//! The accesses of a launch to each granule of memory, and the races between them.
//!
//! Two accesses of a launch race if at least one is a write, not both are atomic, and neither is known
//! to be before the other ([`order`](crate::order)).

use crate::order::{By, LANES};

/// In place of a thread: no access yet.
const NONE: u32 = u32::MAX;
/// In place of a cluster: accesses of several clusters.
const SEVERAL: u32 = u32::MAX;
/// Set in `who`: accesses of several lanes of the warp.
const LANES_OF_WARP: u32 = 1 << 30;
/// Set in `who`: the other bits are an index into the lists.
const LIST: u32 = 1 << 31;

/// Accesses of one kind to a granule.
#[derive(Clone, Copy, Debug)]
struct Access {
    cluster: u32,
    who: u32,
    time: u32,
    atomic: bool,
}

impl Access {
    const NONE: Self = Self {
        cluster: 0,
        who: NONE,
        time: 0,
        atomic: false,
    };

    #[inline]
    fn of(by: &By<'_>) -> Self {
        Self {
            cluster: by.cluster,
            who: by.thread,
            time: by.time,
            atomic: by.atomic,
        }
    }

    /// Whether all these accesses are known to `by`. The access is no list.
    #[inline]
    fn known_to(self, by: &By<'_>) -> bool {
        if self.who & LANES_OF_WARP != 0 {
            by.knows_warp((self.who & !LANES_OF_WARP) / LANES as u32, self.time)
        } else {
            by.knows(self.who, self.time)
        }
    }

    fn warp(self) -> u32 {
        (self.who & !LANES_OF_WARP) / LANES as u32
    }

    /// This access and one of another lane of the same warp.
    fn with_lane(self, by: &By<'_>) -> Self {
        Self {
            cluster: by.cluster,
            who: by.thread
                | if self.who == by.thread {
                    0
                } else {
                    LANES_OF_WARP
                },
            time: self.time.max(by.time),
            atomic: self.atomic && by.atomic,
        }
    }
}

/// The accesses of a launch to a granule.
#[derive(Clone, Copy, Debug)]
struct History {
    launch: u32,
    write: Access,
    read: Access,
}

impl History {
    const NONE: Self = Self {
        launch: NONE,
        write: Access::NONE,
        read: Access::NONE,
    };
}

/// The accesses to all granules of consecutive memory.
#[derive(Debug)]
pub struct Histories {
    granules: Vec<History>,
    /// Unordered accesses of several warps.
    lists: Vec<Vec<Access>>,
    free: Vec<u32>,
    launch: u32,
}

impl Histories {
    /// No accesses to so many granules.
    pub fn new(granules: usize) -> Self {
        Self {
            granules: vec![History::NONE; granules],
            lists: Vec::new(),
            free: Vec::new(),
            launch: NONE,
        }
    }

    /// The history of a granule in this launch. Earlier launches do not count: a launch starts after
    /// the one before has ended.
    #[inline]
    fn of(&mut self, granule: usize, launch: u32) -> History {
        if self.launch != launch {
            self.launch = launch;
            self.lists.clear();
            self.free.clear();
        }
        let history = self.granules[granule];
        if history.launch == launch {
            history
        } else {
            History {
                launch,
                ..History::NONE
            }
        }
    }

    /// Adds a read.
    ///
    /// # Errors
    /// A race.
    #[inline]
    pub fn read(&mut self, granule: usize, by: &By<'_>) -> Result<(), String> {
        let mut history = self.of(granule, by.launch);
        if self.races(history.write, by) {
            return Err(self.race("read", "write", history.write, by));
        }
        history.read = self.joined(history.read, by);
        self.granules[granule] = history;
        Ok(())
    }

    /// Adds a write.
    ///
    /// # Errors
    /// A race.
    #[inline]
    pub fn write(&mut self, granule: usize, by: &By<'_>) -> Result<(), String> {
        let mut history = self.of(granule, by.launch);
        if self.races(history.write, by) {
            return Err(self.race("write", "write", history.write, by));
        }
        if self.races(history.read, by) {
            return Err(self.race("write", "read", history.read, by));
        }
        history.write = if by.atomic {
            self.joined(history.write, by)
        } else {
            Access::of(by)
        };
        self.granules[granule] = history;
        Ok(())
    }

    /// Whether the launch has written a granule.
    pub fn is_written(&mut self, granule: usize, launch: u32) -> bool {
        self.of(granule, launch).write.who != NONE
    }

    #[inline]
    fn races(&self, access: Access, by: &By<'_>) -> bool {
        if access.who == NONE || (access.atomic && by.atomic) {
            return false;
        }
        if access.cluster != by.cluster {
            return true;
        }
        if access.who & LIST == 0 {
            return !access.known_to(by);
        }
        let list = &self.lists[(access.who & !LIST) as usize];
        list.iter()
            .any(|access| !(access.known_to(by) || access.atomic && by.atomic))
    }

    /// The record of these accesses and one of `by`.
    #[inline]
    fn joined(&mut self, access: Access, by: &By<'_>) -> Access {
        if access.who == NONE {
            return Access::of(by);
        }
        if access.cluster != by.cluster {
            return Access {
                cluster: SEVERAL,
                atomic: access.atomic && by.atomic,
                who: 0,
                time: 0,
            };
        }
        if access.who & LIST != 0 {
            return self.listed(access, by);
        }
        if access.known_to(by) {
            return Access::of(by);
        }
        if access.warp() == by.thread / LANES as u32 {
            return access.with_lane(by);
        }
        let list = vec![access, Access::of(by)];
        let place = match self.free.pop() {
            Some(place) => {
                self.lists[place as usize] = list;
                place
            }
            None => {
                self.lists.push(list);
                self.lists.len() as u32 - 1
            }
        };
        Access {
            who: place | LIST,
            atomic: access.atomic && by.atomic,
            ..Access::of(by)
        }
    }

    /// Adds an access of `by` to a list.
    fn listed(&mut self, access: Access, by: &By<'_>) -> Access {
        let place = access.who & !LIST;
        let list = &mut self.lists[place as usize];
        if list.iter().all(|access| access.known_to(by)) {
            self.free.push(place);
            return Access::of(by);
        }
        let warp = by.thread / LANES as u32;
        match list.iter_mut().find(|access| access.warp() == warp) {
            Some(known) if known.known_to(by) => *known = Access::of(by),
            Some(other) => *other = other.with_lane(by),
            None => list.push(Access::of(by)),
        }
        Access {
            atomic: access.atomic && by.atomic,
            ..access
        }
    }

    fn race(&self, now: &str, before: &str, other: Access, by: &By<'_>) -> String {
        let who = if other.cluster != by.cluster {
            "another block, which no barrier orders".to_owned()
        } else {
            let unknown = |access: &&Access| !access.known_to(by);
            let other = if other.who & LIST == 0 {
                other
            } else {
                let list = &self.lists[(other.who & !LIST) as usize];
                *list.iter().find(unknown).unwrap_or(&list[0])
            };
            let lane = if other.who & LANES_OF_WARP != 0 {
                "several lanes".to_owned()
            } else {
                format!("lane {}", other.who as usize % LANES)
            };
            format!("{lane} of warp {}, no barrier between", other.warp())
        };
        let (warp, lane) = (by.thread as usize / LANES, by.thread as usize % LANES);
        format!("race: {now} by lane {lane} of warp {warp} after a {before} by {who}")
    }
}
