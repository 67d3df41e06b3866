//! Runs the blocks of a cluster together.
//!
//! The lanes of a warp that stand at the same instruction run it together. Where they part, the
//! schedule chooses which ones run first; lanes that wait for others stop until all have come. So
//! the interpreter assumes no order of lanes that the kernel does not ask for.

use std::collections::HashMap;
use std::rc::Rc;

use crate::allocations::Memory;
use crate::barriers::ClusterBarrier;
use crate::flags::Flag;
use crate::instruction::{Operand, Operation, Order, Side, Special};
use crate::launch::{Done, Launch, Random, Schedule};
use crate::memory::Region;
use crate::order::{By, Clock, Known, LANES, lanes_of};
use crate::phases::Phase;
use crate::warp::{Copies, Local, Source, State, Values, Warp, plain};

/// A launch with more instructions counts as hanging.
const MOST_INSTRUCTIONS: u64 = 20_000_000_000;

/// Threads that have read the same flags for so many turns wait for each other.
const MOST_IDLE_TURNS: u32 = 100;

/// A fault, and the lane that caused it.
pub(crate) type Fault = (usize, String);

/// A block of the cluster that runs.
pub(crate) struct Block {
    /// Its index in the grid.
    pub(crate) index: [usize; 3],
    /// Its number in the grid.
    pub(crate) number: usize,
    pub(crate) shared: Region,
    /// The barriers in shared memory, by offset.
    pub(crate) phases: HashMap<usize, Phase>,
    /// The number of threads that have not ended.
    pub(crate) left: usize,
}

/// The state of a launch.
pub(crate) struct Machine<'a> {
    pub(crate) launch: &'a Launch<'a>,
    pub(crate) memory: &'a mut Memory,
    pub(crate) done: Done,
    /// The number of the cluster, and its index in the grid of clusters.
    pub(crate) cluster: u32,
    cluster_index: [usize; 3],
    pub(crate) blocks: Vec<Block>,
    pub(crate) barrier: ClusterBarrier,
    /// What is known to threads that see a flag, by the flag's memory and address.
    pub(crate) flags: HashMap<(usize, u64), Flag>,
    /// The number of stores, barriers and ends of threads so far.
    pub(crate) changes: u64,
    random: Random,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(launch: &'a Launch<'a>, memory: &'a mut Memory) -> Self {
        let seed = match launch.schedule {
            Schedule::Shuffled(seed) => seed,
            _ => 0,
        };
        Self {
            launch,
            memory,
            done: Done::default(),
            cluster: 0,
            cluster_index: [0; 3],
            blocks: Vec::new(),
            barrier: ClusterBarrier::default(),
            flags: HashMap::new(),
            changes: 0,
            random: Random::new(seed),
        }
    }

    /// The number of threads of a block.
    pub(crate) fn threads(&self) -> usize {
        self.launch.threads.iter().product::<u32>() as usize
    }

    /// Runs the cluster at `index` in the grid of clusters.
    pub(crate) fn run_cluster(&mut self, number: u32, index: [usize; 3]) -> Result<(), String> {
        self.cluster = number;
        self.cluster_index = index;
        let mut warps = self.begin_cluster();
        // Turns in which threads only read flags.
        let mut idle = 0;
        for turn in 0u64.. {
            let mut moved = false;
            let before = self.changes;
            for place in self.launch.schedule.order(warps.len(), turn) {
                let warp = &mut warps[place];
                moved |= self.run_warp(warp).map_err(|(lane, what)| {
                    let line = self.launch.kernel.code[warp.places[lane]].line;
                    format!(
                        "{what}; in {} at line {line}, block {}, thread {}",
                        self.launch.kernel.name,
                        self.blocks[warp.block].number,
                        warp.number * LANES + lane
                    )
                })?;
            }
            for block in 0..self.blocks.len() {
                moved |= self.pass_barriers(block, &mut warps)?;
            }
            moved |= self.pass_cluster_barrier(&warps);
            if self.blocks.iter().all(|block| block.left == 0) {
                return Ok(());
            }
            idle = if self.changes == before { idle + 1 } else { 0 };
            if !moved || idle > MOST_IDLE_TURNS {
                return Err(self.stuck(&warps));
            }
        }
        Ok(())
    }

    fn begin_cluster(&mut self) -> Vec<Warp> {
        let extents = self.launch.cluster();
        let grid = self.launch.blocks.map(|extent| extent as usize);
        let (count, kernel) = (self.threads(), self.launch.kernel);
        let warps = count.div_ceil(LANES);
        let fixed = kernel.shared_bytes.next_multiple_of(16);
        let blocks: usize = extents.iter().product();
        self.blocks.clear();
        self.flags.clear();
        for rank in 0..blocks {
            let inside = [
                rank % extents[0],
                rank / extents[0] % extents[1],
                rank / extents[0] / extents[1],
            ];
            let index =
                [0, 1, 2].map(|axis| self.cluster_index[axis] * extents[axis] + inside[axis]);
            self.blocks.push(Block {
                index,
                number: index[0] + grid[0] * (index[1] + grid[1] * index[2]),
                shared: Region::new(fixed + self.launch.dynamic_bytes),
                phases: HashMap::new(),
                left: count,
            });
        }
        let nothing = Rc::new(Known::nothing(blocks * warps));
        self.barrier = ClusterBarrier::new(blocks * warps);
        (0..blocks * warps)
            .map(|index| {
                let number = index % warps;
                let lanes = (count - number * LANES).min(LANES);
                let present = if lanes == LANES {
                    u32::MAX
                } else {
                    (1 << lanes) - 1
                };
                Warp {
                    block: index / warps,
                    number,
                    index,
                    present,
                    places: [0; LANES],
                    states: std::array::from_fn(|lane| {
                        if lane < lanes {
                            State::Ready
                        } else {
                            State::Ended
                        }
                    }),
                    registers: vec![[0; LANES]; kernel.registers],
                    clocks: std::array::from_fn(|_| Clock::new(&nothing)),
                    copies: vec![Copies::default(); LANES],
                    local: vec![
                        Local {
                            bytes: vec![0xff; kernel.local_bytes],
                            written: vec![false; kernel.local_bytes],
                        };
                        LANES
                    ],
                    arrived: [None; LANES],
                    tested: 0,
                    polled: [(usize::MAX, 0); LANES],
                }
            })
            .collect()
    }

    /// Runs a warp until all lanes wait or have ended. Returns whether any lane ran.
    fn run_warp(&mut self, warp: &mut Warp) -> Result<bool, Fault> {
        self.wake(warp);
        let mut moved = false;
        loop {
            let ready = warp.lanes_in(State::Ready);
            if ready == 0 {
                return Ok(moved);
            }
            moved = true;
            let (group, limit) = self.group(warp, ready);
            self.run_group(warp, group, limit)?;
        }
    }

    /// The lanes to run next, and the instruction before which they stop.
    fn group(&mut self, warp: &Warp, ready: u32) -> (u32, usize) {
        let at = |place: usize| {
            let lanes = lanes_of(ready).filter(|&lane| warp.places[lane] == place);
            lanes.fold(0, |mask, lane| mask | 1 << lane)
        };
        match self.launch.schedule {
            // Lanes behind catch up with the others.
            Schedule::Forward => {
                let first = lanes_of(ready).map(|lane| warp.places[lane]).min();
                let group = at(first.unwrap_or(0));
                let others = lanes_of(ready & !group).map(|lane| warp.places[lane]);
                (group, others.min().unwrap_or(usize::MAX))
            }
            Schedule::Backward => (1 << (31 - ready.leading_zeros()), usize::MAX),
            Schedule::Shuffled(_) => {
                let chosen = self.random.next() % u64::from(ready.count_ones());
                let lane = lanes_of(ready).nth(chosen as usize).unwrap_or(0);
                let alone = self.random.next().is_multiple_of(4);
                let group = if alone {
                    1 << lane
                } else {
                    at(warp.places[lane])
                };
                (group, usize::MAX)
            }
        }
    }

    /// Runs lanes at the same instruction until they part, wait, end, or reach `limit`.
    fn run_group(&mut self, warp: &mut Warp, group: u32, limit: usize) -> Result<(), Fault> {
        let code = &self.launch.kernel.code;
        let mut mask = group;
        let mut place = warp.places[group.trailing_zeros() as usize];
        while place < limit {
            let instruction = &code[place];
            self.done.instructions += u64::from(mask.count_ones());
            let mut active = mask;
            if let Some((register, negated)) = instruction.guard {
                let values = &warp.registers[register];
                let skips = lanes_of(mask).filter(|&lane| (values[lane] != 0) == negated);
                active = skips.fold(mask, |active, lane| active & !(1 << lane));
                if active == 0 {
                    place += 1;
                    continue;
                }
            }
            match &instruction.operation {
                Operation::Branch(target) => {
                    if *target <= place && self.done.instructions > MOST_INSTRUCTIONS {
                        warp.go(mask, place, State::Ready);
                        let what = "no end after 20,000 million instructions".to_owned();
                        return Err((active.trailing_zeros() as usize, what));
                    }
                    if active != mask {
                        warp.go(active, *target, State::Ready);
                        warp.go(mask & !active, place + 1, State::Ready);
                        return Ok(());
                    }
                    place = *target;
                }
                Operation::Return => {
                    warp.go(active, place, State::Ended);
                    self.blocks[warp.block].left -= active.count_ones() as usize;
                    self.barrier.leave(&warp.arrived, active);
                    self.changes += 1;
                    mask &= !active;
                    if mask == 0 {
                        return Ok(());
                    }
                    place += 1;
                }
                operation if waits(operation) => {
                    warp.go(active, place, State::Ready);
                    warp.go(mask & !active, place + 1, State::Ready);
                    let passed = self.meet(warp, active, place, operation)?;
                    if passed != mask {
                        return Ok(());
                    }
                    place += 1;
                }
                operation => {
                    self.step(warp, active, operation).inspect_err(|_| {
                        warp.go(mask, place, State::Ready);
                    })?;
                    place += 1;
                }
            }
        }
        warp.go(mask, place, State::Ready);
        Ok(())
    }

    /// The values of an operand.
    #[inline]
    pub(crate) fn source<'r>(&self, warp: &'r Warp, operand: Operand) -> Source<'r> {
        match plain(&warp.registers, operand) {
            Some(source) => source,
            None => match operand {
                Operand::Special(special) => self.special(warp, special),
                _ => Source::Same(0),
            },
        }
    }

    fn special(&self, warp: &Warp, special: Special) -> Source<'static> {
        let block = &self.blocks[warp.block];
        let threads = self.launch.threads.map(|extent| extent as usize);
        let extents = self.launch.cluster();
        let own = |of: &dyn Fn(usize) -> usize| {
            let values: Values = std::array::from_fn(|lane| of(lane) as u64);
            Source::Own(Box::new(values))
        };
        let number = |lane: usize| warp.number * LANES + lane;
        let same = match special {
            Special::Thread(0) => return own(&|lane| number(lane) % threads[0]),
            Special::Thread(1) => return own(&|lane| number(lane) / threads[0] % threads[1]),
            Special::Thread(_) => return own(&|lane| number(lane) / threads[0] / threads[1]),
            Special::Lane => return own(&|lane| lane),
            Special::LaneMask(side) => {
                return own(&|lane| {
                    let (bit, below) = (1u64 << lane, (1u64 << lane) - 1);
                    let mask = match side {
                        Side::Equal => bit,
                        Side::Below => below,
                        Side::UpTo => below | bit,
                        Side::Above => !(below | bit),
                        Side::From => !below,
                    };
                    (mask & 0xffff_ffff) as usize
                });
            }
            Special::Threads(axis) => threads[axis],
            Special::Block(axis) => block.index[axis],
            Special::Blocks(axis) => self.launch.blocks[axis] as usize,
            Special::Warp => warp.number,
            Special::Cluster(axis) => self.cluster_index[axis],
            Special::Clusters(axis) => self.launch.blocks[axis] as usize / extents[axis],
            Special::BlockInCluster(axis) => block.index[axis] % extents[axis],
            Special::BlocksInCluster(axis) => extents[axis],
            Special::Rank => warp.block,
            Special::Ranks => self.blocks.len(),
        };
        Source::Same(same as u64)
    }

    /// The origin of an access of a lane.
    #[inline]
    pub(crate) fn by<'r>(&self, warp: &'r Warp, lane: usize, atomic: bool) -> By<'r> {
        let clock = &warp.clocks[lane];
        By {
            launch: self.launch.number,
            cluster: self.cluster,
            thread: warp.thread(lane),
            time: clock.time,
            floor: clock.floor,
            atomic,
            known: &clock.known,
        }
    }
}

/// Whether an instruction waits for other threads.
fn waits(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Collective(_)
            | Operation::Barrier(..)
            | Operation::BarrierReduce(..)
            | Operation::ClusterArrive(..)
            | Operation::ClusterWait(..)
            | Operation::PhaseTry(_)
            | Operation::Load(_, _, Order::Flag(..))
    )
}
