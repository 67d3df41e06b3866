//! The order of the accesses of a cluster's threads, by clocks.
//!
//! Each thread has a time, which advances at each synchronization. An access carries the thread and its
//! time. A thread knows, of each other thread, a time up to which all accesses are before its own:
//!
//! ```text
//! barrier of a warp:   all lanes know all of each other
//! barrier of a block:  all threads know all of each other
//! release, acquire:    the acquiring thread knows what the releasing thread knew, and its accesses
//! ```
//!
//! What a thread knows is stored by warp: a floor, the time up to which it knows the accesses of all
//! lanes, and a list of single threads that it knows further. Lanes of a warp share it.

use std::rc::Rc;

/// The lanes of a warp.
pub const LANES: usize = 32;

/// The accesses that a thread knows to be before its own.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// For each warp of the cluster the time up to which all of its accesses are known.
    floors: Vec<u32>,
    /// Threads with accesses after the floor of their warp that are known: the thread, and the time.
    single: Vec<(u32, u32)>,
}

impl Known {
    /// Nothing is known of `warps` warps.
    pub fn nothing(warps: usize) -> Self {
        Self {
            floors: vec![0; warps],
            single: Vec::new(),
        }
    }

    /// Adds what is known in `other`.
    pub fn join(&mut self, other: &Self) {
        for (floor, &theirs) in self.floors.iter_mut().zip(&other.floors) {
            *floor = theirs.max(*floor);
        }
        for &(thread, time) in &other.single {
            self.add(thread, time);
        }
        let floors = &self.floors;
        self.single
            .retain(|&(thread, time)| time > floors[thread as usize / LANES]);
    }

    /// Adds the accesses of a thread up to a time.
    pub fn add(&mut self, thread: u32, time: u32) {
        if time <= self.floors[thread as usize / LANES] {
            return;
        }
        match self.single.iter_mut().find(|(known, _)| *known == thread) {
            Some((_, known)) => *known = time.max(*known),
            None => self.single.push((thread, time)),
        }
    }

    /// Adds the accesses of all lanes of a warp up to a time.
    pub fn raise(&mut self, warp: usize, time: u32) {
        self.floors[warp] = time.max(self.floors[warp]);
        let floor = self.floors[warp];
        self.single
            .retain(|&(thread, time)| thread as usize / LANES != warp || time > floor);
    }

    /// Raises the floor of each warp that has all its `lanes` in the list of single threads.
    pub fn tidy(&mut self, lanes: impl Fn(usize) -> u32) {
        if self.single.is_empty() {
            return;
        }
        for warp in 0..self.floors.len() {
            let of_warp = |thread: u32| thread as usize / LANES == warp;
            let listed = self.single.iter().filter(|(thread, _)| of_warp(*thread));
            let (mut found, mut least) = (0u32, u32::MAX);
            for &(thread, time) in listed {
                found |= 1 << (thread as usize % LANES);
                least = least.min(time);
            }
            if found != 0 && found == lanes(warp) {
                self.raise(warp, least);
            }
        }
    }

    fn knows(&self, thread: u32, time: u32) -> bool {
        time <= self.floors[thread as usize / LANES]
            || self
                .single
                .iter()
                .any(|&(known, of)| known == thread && time <= of)
    }
}

/// The clock of a thread.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The time of its next access.
    pub time: u32,
    /// The time up to which it knows the accesses of all lanes of its warp.
    pub floor: u32,
    /// What it knows of other warps, and of single lanes of its own warp.
    pub known: Rc<Known>,
}

impl Clock {
    /// The clock of a thread that has done nothing.
    pub fn new(known: &Rc<Known>) -> Self {
        Self {
            time: 1,
            floor: 0,
            known: Rc::clone(known),
        }
    }

    /// Adds to `into` what thread `thread` knows, and its own accesses up to now.
    pub fn release(&mut self, thread: u32, into: &mut Known) {
        into.join(&self.known);
        into.raise(thread as usize / LANES, self.floor);
        into.add(thread, self.time);
        self.time += 1;
    }
}

/// Thread clocks of a warp take over what is known in `from`.
pub fn acquire(clocks: &mut [Clock; LANES], mask: u32, warp: usize, from: &Known) {
    // Lanes mostly share what they know: it is joined once for equal ones.
    let mut last: Option<(Rc<Known>, Rc<Known>)> = None;
    for lane in lanes_of(mask) {
        let clock = &mut clocks[lane];
        clock.floor = clock.floor.max(from.floors[warp]);
        let joined = match &last {
            Some((before, after)) if Rc::ptr_eq(before, &clock.known) => Rc::clone(after),
            _ => {
                let mut joined = (*clock.known).clone();
                joined.join(from);
                Rc::new(joined)
            }
        };
        last = Some((Rc::clone(&clock.known), Rc::clone(&joined)));
        clock.known = joined;
    }
}

/// A barrier of some lanes of a warp; `present` are all lanes of the warp.
pub fn meet_in_warp(clocks: &mut [Clock; LANES], mask: u32, present: u32, warp: usize) {
    let first = mask.trailing_zeros() as usize;
    let time = lanes_of(mask).map(|lane| clocks[lane].time).max();
    let time = time.unwrap_or(0);
    let known = Rc::clone(&clocks[first].known);
    let same = lanes_of(mask).all(|lane| Rc::ptr_eq(&clocks[lane].known, &known));
    if mask != present || !same || !known.single.is_empty() {
        let mut joined = (*known).clone();
        for lane in lanes_of(mask) {
            let thread = (warp * LANES + lane) as u32;
            clocks[lane].release(thread, &mut joined);
        }
        if mask == present {
            joined.raise(warp, time);
        }
        let floor = joined.floors[warp];
        let joined = Rc::new(joined);
        for lane in lanes_of(mask) {
            clocks[lane].known = Rc::clone(&joined);
            clocks[lane].floor = floor;
        }
    } else {
        for lane in lanes_of(mask) {
            clocks[lane].floor = time;
        }
    }
    for lane in lanes_of(mask) {
        clocks[lane].time = time + 1;
    }
}

/// Adds to `into` all accesses of all lanes of a warp up to now, at a point that all of them have
/// reached.
pub fn release_warp(clocks: &mut [Clock; LANES], present: u32, warp: usize, into: &mut Known) {
    let mut last: Option<Rc<Known>> = None;
    let mut time = 0;
    for lane in lanes_of(present) {
        let clock = &clocks[lane];
        if last
            .as_ref()
            .is_none_or(|last| !Rc::ptr_eq(last, &clock.known))
        {
            into.join(&clock.known);
            last = Some(Rc::clone(&clock.known));
        }
        time = time.max(clock.time);
    }
    into.raise(warp, time);
    for lane in lanes_of(present) {
        clocks[lane].time = time + 1;
    }
}

/// The lanes in a mask, from the lowest.
pub fn lanes_of(mask: u32) -> impl Iterator<Item = usize> {
    let mut left = mask;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let lane = left.trailing_zeros() as usize;
        left &= left - 1;
        Some(lane)
    })
}

/// The origin of an access.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// The number of the launch.
    pub launch: u32,
    /// The cluster in the grid. Without clusters each block is one.
    pub cluster: u32,
    /// The thread in the cluster: its warp times 32, plus its lane.
    pub thread: u32,
    /// Its time.
    pub time: u32,
    /// The time up to which it knows the accesses of its own warp.
    pub floor: u32,
    /// Whether the access is atomic.
    pub atomic: bool,
    /// What it knows of others.
    pub known: &'a Known,
}

impl By<'_> {
    /// Whether all accesses of a thread of the cluster up to a time are before this one.
    #[inline]
    pub fn knows(&self, thread: u32, time: u32) -> bool {
        thread == self.thread
            || (thread as usize / LANES == self.thread as usize / LANES && time <= self.floor)
            || self.known.knows(thread, time)
    }

    /// Whether all accesses of all lanes of a warp up to a time are before this one.
    #[inline]
    pub fn knows_warp(&self, warp: u32, time: u32) -> bool {
        let own = warp == self.thread / LANES as u32 && time <= self.floor;
        own || time <= self.known.floors[warp as usize]
    }
}
