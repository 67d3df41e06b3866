//! A launch: its clusters run one after the other, the blocks of a cluster together.

use crate::allocations::Memory;
use crate::approximate::Error;
use crate::clocks::Span;
use crate::instruction::Kernel;
use crate::machine::Machine;

/// The order in which threads and blocks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// From the first to the last. Lanes of a warp run together where they can.
    #[default]
    Forward,
    /// From the last to the first. Each thread runs alone until it waits for others.
    Backward,
    /// Shuffled anew at each turn, from a seed. Some lanes of a warp run together, some alone.
    Shuffled(u64),
}

impl Schedule {
    /// The order of `count` warps or clusters in a turn.
    pub(crate) fn order(self, count: usize, turn: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        match self {
            Self::Forward => {}
            Self::Backward => order.reverse(),
            Self::Shuffled(seed) => {
                let mut random = Random::new(seed ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                for i in (1..count).rev() {
                    order.swap(i, (random.next() % (i as u64 + 1)) as usize);
                }
            }
        }
        order
    }
}

/// Pseudo-random numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A launch of a kernel.
#[derive(Clone, Debug)]
pub struct Launch<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// Blocks, by axis.
    pub blocks: [u32; 3],
    /// Threads of a block, by axis.
    pub threads: [u32; 3],
    /// Bytes of shared memory that the launch asks for.
    pub dynamic_bytes: usize,
    /// The arguments, laid out as the kernel's parameters.
    pub arguments: Vec<u8>,
    /// The number of the launch.
    pub number: u32,
    /// The order of threads and blocks.
    pub schedule: Schedule,
    /// The error of approximate instructions.
    pub error: Error,
}

impl Launch<'_> {
    /// The extents of a cluster: one block, if the kernel sets none.
    pub(crate) fn cluster(&self) -> [usize; 3] {
        self.kernel
            .cluster
            .unwrap_or([1; 3])
            .map(|extent| extent as usize)
    }
}

/// Figures of a launch.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// The number of instructions of all threads.
    pub instructions: u64,
    /// The number of barriers of all blocks.
    pub barriers: u64,
    /// The bytes of the device that were read and written: for each allocation one span of each
    /// kind.
    pub spans: Vec<Span>,
}

/// Runs a launch to its end.
///
/// # Errors
/// The first fault of the kernel, with kernel, block, thread and line.
pub fn run(launch: &Launch<'_>, memory: &mut Memory) -> Result<Done, String> {
    let blocks = launch.blocks.map(|extent| extent as usize);
    let extents = launch.cluster();
    if (0..3).any(|axis| !blocks[axis].is_multiple_of(extents[axis])) {
        return Err(format!(
            "a grid of {blocks:?} blocks for clusters of {extents:?}"
        ));
    }
    let clusters = [0, 1, 2].map(|axis| blocks[axis] / extents[axis]);
    let mut machine = Machine::new(launch, memory);
    for number in launch.schedule.order(clusters.iter().product(), 0) {
        let cluster = [
            number % clusters[0],
            number / clusters[0] % clusters[1],
            number / clusters[0] / clusters[1],
        ];
        machine.run_cluster(number as u32, cluster)?;
    }
    let mut done = machine.done;
    done.spans = memory.spans(launch.number);
    Ok(done)
}
