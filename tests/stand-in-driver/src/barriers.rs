//! Barriers of blocks and clusters, and the report if no thread can go on.

use std::rc::Rc;

use crate::instruction::{Operation, Reduction};
use crate::machine::{Fault, Machine};
use crate::order::{Known, LANES, acquire, lanes_of, release_warp};
use crate::warp::{State, Warp};

/// The barrier of a cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterBarrier {
    phase: u32,
    arrived: usize,
    gathering: Known,
    completed: Known,
}

impl ClusterBarrier {
    pub(crate) fn new(warps: usize) -> Self {
        Self {
            phase: 0,
            arrived: 0,
            gathering: Known::nothing(warps),
            completed: Known::nothing(warps),
        }
    }

    /// Threads end. The barrier does not wait for them.
    pub(crate) fn leave(&mut self, arrived: &[Option<u32>; LANES], lanes: u32) {
        let gone = lanes_of(lanes).filter(|&lane| arrived[lane] == Some(self.phase));
        self.arrived -= gone.count();
    }
}

impl Machine<'_> {
    /// Lanes that wait for something that has happened can run again.
    pub(crate) fn wake(&self, warp: &mut Warp) {
        for lane in lanes_of(warp.present) {
            let wakes = match warp.states[lane] {
                State::AtCluster => {
                    warp.arrived[lane].is_none_or(|phase| phase != self.barrier.phase)
                }
                State::AtPhase(offset, parity) => {
                    let phase = self.blocks[warp.block].phases.get(&offset);
                    phase.is_none_or(|phase| phase.has_passed(parity))
                }
                State::Polling => true,
                _ => false,
            };
            if wakes {
                warp.states[lane] = State::Ready;
            }
        }
    }

    /// Lets the threads of a block go on where all, or as many as the barrier names, have arrived.
    /// Returns whether any did.
    pub(crate) fn pass_barriers(
        &mut self,
        block: usize,
        warps: &mut [Warp],
    ) -> Result<bool, String> {
        let per_block = self.threads().div_ceil(LANES);
        let warps = &mut warps[block * per_block..(block + 1) * per_block];
        let waits = |state: &State| matches!(state, State::AtBarrier(..));
        // One barrier after the other: that of the first thread that waits and has not been tried.
        let mut tried: Vec<u32> = Vec::new();
        let mut any = false;
        loop {
            let states = warps.iter().flat_map(|warp| &warp.states);
            let next = states
                .filter(|state| waits(state))
                .find_map(|state| match *state {
                    State::AtBarrier(id, count) if !tried.contains(&id) => Some((id, count)),
                    _ => None,
                });
            let Some((id, count)) = next else {
                return Ok(any);
            };
            tried.push(id);
            let here = |warp: &Warp| warp.lanes_in(State::AtBarrier(id, count));
            let arrived: u32 = warps.iter().map(|warp| here(warp).count_ones()).sum();
            let wanted = if count == 0 {
                self.threads() as u32
            } else {
                count
            };
            if arrived != wanted {
                continue;
            }
            if warps
                .iter()
                .any(|warp| here(warp) != 0 && here(warp) != warp.present)
            {
                return Err(self.divergent(block, warps));
            }
            let mut places = warps
                .iter()
                .flat_map(|warp| lanes_of(here(warp)).map(|lane| warp.places[lane]));
            let first = places.next().unwrap_or(0);
            if count == 0 && places.any(|place| place != first) {
                return Err(self.divergent(block, warps));
            }
            self.pass(warps, (id, count));
            any = true;
        }
    }

    /// Threads go on after a barrier that they have all reached.
    fn pass(&mut self, warps: &mut [Warp], (id, count): (u32, u32)) {
        let mut known = (*warps[0].clocks[0].known).clone();
        let mut floors = Vec::new();
        for warp in warps.iter_mut() {
            let lanes = warp.lanes_in(State::AtBarrier(id, count));
            if lanes != 0 {
                release_warp(&mut warp.clocks, lanes, warp.index, &mut known);
                floors.push((
                    warp.index,
                    warp.clocks[lanes.trailing_zeros() as usize].time - 1,
                ));
            }
        }
        self.reduce(warps);
        let known = Rc::new(known);
        for warp in warps {
            let lanes = warp.lanes_in(State::AtBarrier(id, count));
            let floor = floors.iter().find(|(index, _)| *index == warp.index);
            warp.adopt(lanes, &known, floor.map_or(0, |&(_, floor)| floor));
            for lane in lanes_of(lanes) {
                warp.places[lane] += 1;
                warp.states[lane] = State::Ready;
            }
        }
        self.done.barriers += 1;
        self.changes += 1;
    }

    /// Combines the predicates of a barrier that does.
    fn reduce(&self, warps: &mut [Warp]) {
        let place = warps[0].places[0];
        let code = &self.launch.kernel.code;
        let Operation::BarrierReduce(mode, into, predicate, negated) = code[place].operation else {
            return;
        };
        let (mut holds, mut all) = (0, 0);
        for warp in warps.iter() {
            let predicate = self.source(warp, predicate);
            let lanes = lanes_of(warp.present);
            holds += lanes
                .filter(|&lane| (predicate.at(lane) != 0) != negated)
                .count();
            all += warp.present.count_ones() as usize;
        }
        let result = match mode {
            Reduction::Count => holds as u64,
            Reduction::All => u64::from(holds == all),
            Reduction::Any => u64::from(holds != 0),
        };
        for warp in warps {
            warp.set(into, warp.present, &[result; LANES]);
        }
    }

    /// Lanes arrive at the cluster's barrier.
    pub(crate) fn cluster_arrive(
        &mut self,
        warp: &mut Warp,
        lanes: u32,
        operation: &Operation,
    ) -> Result<(), Fault> {
        let Operation::ClusterArrive(releases, _) = *operation else {
            return Ok(());
        };
        for lane in lanes_of(lanes) {
            if warp.arrived[lane].is_some() {
                let what = "a second arrival at the cluster's barrier without a wait".to_owned();
                return Err((lane, what));
            }
            warp.arrived[lane] = Some(self.barrier.phase);
        }
        self.barrier.arrived += lanes.count_ones() as usize;
        if !releases {
            return Ok(());
        }
        if lanes == warp.present {
            release_warp(
                &mut warp.clocks,
                lanes,
                warp.index,
                &mut self.barrier.gathering,
            );
        } else {
            for lane in lanes_of(lanes) {
                let thread = warp.thread(lane);
                warp.clocks[lane].release(thread, &mut self.barrier.gathering);
            }
        }
        Ok(())
    }

    /// Lanes wait for the cluster's barrier. Returns those that pass.
    pub(crate) fn cluster_wait(
        &mut self,
        warp: &mut Warp,
        lanes: u32,
        place: usize,
    ) -> Result<u32, Fault> {
        let mut passed = 0;
        for lane in lanes_of(lanes) {
            match warp.arrived[lane] {
                None => {
                    let what = "a wait for the cluster's barrier without an arrival".to_owned();
                    return Err((lane, what));
                }
                Some(phase) if phase == self.barrier.phase => {
                    warp.go(1 << lane, place, State::AtCluster);
                }
                Some(_) => passed |= 1 << lane,
            }
        }
        for lane in lanes_of(passed) {
            warp.arrived[lane] = None;
        }
        acquire(
            &mut warp.clocks,
            passed,
            warp.index,
            &self.barrier.completed,
        );
        warp.go(passed, place + 1, State::Ready);
        Ok(passed)
    }

    /// Completes the cluster's barrier if all threads that have not ended are there.
    pub(crate) fn pass_cluster_barrier(&mut self, warps: &[Warp]) -> bool {
        let left: usize = self.blocks.iter().map(|block| block.left).sum();
        if self.barrier.arrived == 0 || self.barrier.arrived != left {
            return false;
        }
        self.barrier.phase += 1;
        self.barrier.arrived = 0;
        let nothing = Known::nothing(warps.len());
        let mut known = std::mem::replace(&mut self.barrier.gathering, nothing);
        known.tidy(|warp| warps[warp].present);
        self.barrier.completed = known;
        self.done.barriers += 1;
        self.changes += 1;
        true
    }

    /// The report of a barrier that only some threads of a block reach.
    fn divergent(&self, block: usize, warps: &[Warp]) -> String {
        let threads = warps.iter().flat_map(|warp| {
            let lanes = lanes_of(warp.present);
            lanes.map(move |lane| {
                (
                    warp.number * LANES + lane,
                    warp.places[lane],
                    warp.states[lane],
                )
            })
        });
        let threads: Vec<(usize, usize, State)> = threads.collect();
        let waits = |state: State| matches!(state, State::AtBarrier(..));
        let first = threads.iter().find(|(_, _, state)| waits(*state));
        let &(first, place, state) = first.unwrap_or(&threads[0]);
        let missing = threads
            .iter()
            .find(|&&(_, at, of)| of != state || at != place);
        let (missing, what) = match missing {
            Some(&(thread, _, State::Ended)) => (thread, "has ended".to_owned()),
            Some(&(thread, at, state)) => (thread, self.waiting(at, state)),
            None => (first, "waits for more threads than there are".to_owned()),
        };
        format!(
            "divergent barrier in {} at line {}, block {}: thread {first} waits, thread {missing} \
             {what}",
            self.launch.kernel.name, self.launch.kernel.code[place].line, self.blocks[block].number
        )
    }

    fn waiting(&self, place: usize, state: State) -> String {
        let what = match state {
            State::Ready => "runs",
            State::AtCollective => "waits for other lanes of its warp",
            State::AtBarrier(..) => "waits at a barrier of its block",
            State::AtCluster => "waits at the barrier of its cluster",
            State::AtPhase(..) => "waits for a barrier in shared memory",
            State::Polling => "waits for a flag",
            State::Ended => "has ended",
        };
        format!("{what} at line {}", self.launch.kernel.code[place].line)
    }

    /// The report if no thread can go on.
    pub(crate) fn stuck(&self, warps: &[Warp]) -> String {
        let per_block = self.threads().div_ceil(LANES);
        let waits = |warp: &Warp| {
            lanes_of(warp.present).any(|lane| matches!(warp.states[lane], State::AtBarrier(..)))
        };
        for (block, warps) in warps.chunks(per_block).enumerate() {
            if warps.iter().any(waits) {
                return self.divergent(block, warps);
            }
        }
        let mut what = format!("deadlock in {}", self.launch.kernel.name);
        for warp in warps {
            let waiting = warp.live();
            if waiting == 0 {
                continue;
            }
            let lane = waiting.trailing_zeros() as usize;
            what += &format!(
                "; block {}, warp {}: lane {lane} {}",
                self.blocks[warp.block].number,
                warp.number,
                self.waiting(warp.places[lane], warp.states[lane])
            );
            let ended = warp.present & !waiting;
            if ended != 0 {
                what += &format!(", lane {} has ended", ended.trailing_zeros());
            }
        }
        what
    }
}
