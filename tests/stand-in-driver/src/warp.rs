//! A warp: registers, places and clocks of 32 threads.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::instruction::Operand;
use crate::order::{Clock, Known, LANES, lanes_of};

/// One value for each lane.
pub type Values = [u64; LANES];

/// The state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It can run.
    Ready,
    /// It waits for other lanes of its warp.
    AtCollective,
    /// It waits at this barrier of its block, for this number of threads, or for all if it is 0.
    AtBarrier(u32, u32),
    /// It waits for the barrier of its cluster.
    AtCluster,
    /// It waits for a barrier in shared memory: its offset, and the parity of the phase.
    AtPhase(usize, bool),
    /// It has read a flag again that has not changed. It runs again in the next turn.
    Polling,
    /// It has ended, or there is no such thread.
    Ended,
}

/// An asynchronous copy that its thread has not waited for.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The target in the block's shared memory.
    pub offset: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The asynchronous copies of a thread.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    /// Groups, from the oldest.
    pub groups: VecDeque<Vec<Copy>>,
    /// Copies that belong to no group yet.
    pub open: Vec<Copy>,
}

/// The memory of a thread.
#[derive(Clone, Debug)]
pub struct Local {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether they are written.
    pub written: Vec<bool>,
}

/// A warp.
pub struct Warp {
    /// Its block in the cluster.
    pub block: usize,
    /// Its number in the block.
    pub number: usize,
    /// Its number in the cluster.
    pub index: usize,
    /// The lanes with a thread.
    pub present: u32,
    /// For each lane the instruction that it runs next or waits at.
    pub places: [usize; LANES],
    /// The state of each lane.
    pub states: [State; LANES],
    /// For each register its value in each lane.
    pub registers: Vec<Values>,
    /// The clock of each lane.
    pub clocks: [Clock; LANES],
    /// The asynchronous copies of each lane.
    pub copies: Vec<Copies>,
    /// The memory of each lane.
    pub local: Vec<Local>,
    /// For each lane the phase of the cluster's barrier at which it arrived.
    pub arrived: [Option<u32>; LANES],
    /// Lanes that have tested a barrier in shared memory without success.
    pub tested: u32,
    /// For each lane the instruction by which it read a flag last, and the value.
    pub polled: [(usize, u64); LANES],
}

impl Warp {
    /// The lanes in this state.
    pub fn lanes_in(&self, state: State) -> u32 {
        let lanes = lanes_of(self.present).filter(|&lane| self.states[lane] == state);
        lanes.fold(0, |mask, lane| mask | 1 << lane)
    }

    /// The lanes that have not ended.
    pub fn live(&self) -> u32 {
        self.present & !self.lanes_in(State::Ended)
    }

    /// The number of a lane's thread in the cluster.
    pub fn thread(&self, lane: usize) -> u32 {
        (self.index * LANES + lane) as u32
    }

    /// Sets the values of a register in some lanes.
    #[inline]
    pub fn set(&mut self, register: usize, mask: u32, values: &Values) {
        let into = &mut self.registers[register];
        if mask == u32::MAX {
            *into = *values;
            return;
        }
        for lane in lanes_of(mask) {
            into[lane] = values[lane];
        }
    }

    /// Moves lanes to an instruction.
    pub fn go(&mut self, mask: u32, place: usize, state: State) {
        for lane in lanes_of(mask) {
            self.places[lane] = place;
            self.states[lane] = state;
        }
    }

    /// Lanes know what is known at a barrier that they have passed.
    pub fn adopt(&mut self, mask: u32, known: &Rc<Known>, floor: u32) {
        for lane in lanes_of(mask) {
            self.clocks[lane].known = Rc::clone(known);
            self.clocks[lane].floor = floor;
        }
    }
}

/// The values of an operand in the lanes of a warp.
pub enum Source<'a> {
    /// Those of a register.
    Register(&'a Values),
    /// The same in each lane.
    Same(u64),
    /// Computed ones, of a special register.
    Own(Box<Values>),
}

impl Source<'_> {
    /// The value in a lane.
    #[inline]
    pub fn at(&self, lane: usize) -> u64 {
        match self {
            Self::Register(values) => values[lane],
            Self::Same(value) => *value,
            Self::Own(values) => values[lane],
        }
    }
}

/// The operand, if it is no special register.
#[inline]
pub fn plain<'a>(registers: &'a [Values], operand: Operand) -> Option<Source<'a>> {
    match operand {
        Operand::Register(register) => Some(Source::Register(&registers[register])),
        Operand::Value(value) => Some(Source::Same(value)),
        Operand::Special(_) => None,
    }
}
