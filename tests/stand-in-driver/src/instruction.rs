//! Instructions, kernels and modules.

use std::collections::HashMap;

/// The type of an instruction's operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A predicate.
    Pred,
    /// Bits or unsigned integers of this many bytes.
    U(usize),
    /// Signed integers of this many bytes.
    S(usize),
    /// `float`.
    F32,
    /// `double`.
    F64,
}

impl Type {
    /// The type with this name in PTX.
    ///
    /// # Errors
    /// An unknown name.
    pub fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "pred" => Self::Pred,
            "u8" | "b8" => Self::U(1),
            "u16" | "b16" => Self::U(2),
            "u32" | "b32" => Self::U(4),
            "u64" | "b64" => Self::U(8),
            "s8" => Self::S(1),
            "s16" => Self::S(2),
            "s32" => Self::S(4),
            "s64" => Self::S(8),
            "f32" => Self::F32,
            "f64" => Self::F64,
            _ => return Err(format!("type .{name}")),
        })
    }

    /// Its size in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Pred => 1,
            Self::U(size) | Self::S(size) => size,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// The source of a value.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    /// A register.
    Register(usize),
    /// A number.
    Value(u64),
    /// A special register such as `%tid.x`.
    Special(Special),
}

/// The special registers. An axis is 0, 1 or 2 for x, y or z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// The thread's index in its block.
    Thread(usize),
    /// The extents of a block.
    Threads(usize),
    /// The block's index in the grid.
    Block(usize),
    /// The extents of the grid.
    Blocks(usize),
    /// The thread's lane in its warp.
    Lane,
    /// The warp's number in its block.
    Warp,
    /// The cluster's index in the grid.
    Cluster(usize),
    /// The extents of the grid in clusters.
    Clusters(usize),
    /// The block's index in its cluster.
    BlockInCluster(usize),
    /// The extents of a cluster.
    BlocksInCluster(usize),
    /// The block's number in its cluster.
    Rank,
    /// The number of blocks of a cluster.
    Ranks,
    /// The mask of the lanes below, up to, from or above the thread's lane.
    LaneMask(Side),
}

/// Lanes in relation to a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The lane itself.
    Equal,
    /// Lower lanes.
    Below,
    /// Lower lanes and the lane itself.
    UpTo,
    /// Higher lanes.
    Above,
    /// Higher lanes and the lane itself.
    From,
}

/// The memory that an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The arguments of the launch.
    Param,
    /// The device's memory.
    Global,
    /// The shared memory of the block.
    Shared,
    /// The shared memory of a block of the cluster.
    Cluster,
    /// The thread's own memory.
    Local,
    /// The address determines the memory.
    Generic,
}

/// An address: a base and an offset.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// A register or a fixed address.
    pub base: Operand,
    /// Bytes from the base.
    pub offset: i64,
}

/// A load or store of one or more consecutive values.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The memory.
    pub space: Space,
    /// The type of a value.
    pub kind: Type,
    /// The address of the first value.
    pub address: Address,
}

/// How a load or store is ordered with accesses of other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By barriers alone.
    Weak,
    /// A load of bytes that the launch must not change.
    Constant,
    /// An access to a flag. Whether it acquires or releases, and whether the order extends to other
    /// blocks.
    Flag(bool, bool),
}

/// An instruction without its guard.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A copy to a register.
    Move(usize, Operand),
    /// One register of 64 bits from two of 32 bits.
    Pack(usize, [Operand; 2]),
    /// Two registers of 32 bits from one of 64 bits.
    Unpack([usize; 2], Operand),
    /// Arithmetic with one to four operands and one result.
    Compute(Name, Type, usize, [Operand; 4]),
    /// A comparison.
    Compare(Comparison, Type, usize, [Operand; 2]),
    /// A conversion: rounding, target type, source type, target, source.
    Convert(&'static str, Type, Type, usize, Operand),
    /// A load.
    Load(Place, Vec<usize>, Order),
    /// A store.
    Store(Place, Vec<Operand>, Order),
    /// An atomic operation: the register for the old value, and two operands.
    Atomic(Atomic, Place, Option<usize>, [Operand; 2]),
    /// An address of shared or local memory from a generic one.
    FromGeneric(Space, usize, Operand),
    /// A generic address from one of shared or local memory.
    ToGeneric(Space, usize, Operand),
    /// The address of the same variable in another block of the cluster: whether the addresses are
    /// generic, the target, the address, the block.
    MapShared(bool, usize, [Operand; 2]),
    /// The lanes that run this instruction together.
    ActiveMask(usize),
    /// An instruction of several lanes of a warp.
    Collective(Collective),
    /// An asynchronous copy to shared memory: target and source, the number of bytes, and how many of
    /// them come from the source; the others are zeros.
    Copy([Address; 2], usize, Option<Operand>),
    /// Ends a group of asynchronous copies.
    CopyCommit,
    /// Waits until at most so many groups are in flight; `None` for all copies.
    CopyWait(Option<usize>),
    /// A barrier of all threads of the block, or of so many: the number of the barrier, the number of
    /// threads.
    Barrier(Operand, Option<Operand>),
    /// A barrier that also combines a predicate of all threads of the block.
    BarrierReduce(Reduction, usize, Operand, bool),
    /// The first half of a barrier of the cluster: whether it releases, whether whole warps arrive.
    ClusterArrive(bool, bool),
    /// The second half: whether it acquires, whether whole warps wait.
    ClusterWait(bool, bool),
    /// Sets up a barrier in shared memory for so many arrivals.
    PhaseInit(Address, Operand),
    /// Arrives at a barrier in shared memory.
    PhaseArrive(Arrival),
    /// Sets a predicate to whether a phase of a barrier in shared memory has completed.
    PhaseTry(PhaseTry),
    /// A fence. It has no effect: the interpreter orders accesses by barriers alone.
    Fence,
    /// A jump to an instruction.
    Branch(usize),
    /// The end of the thread.
    Return,
    /// A trap.
    Trap,
}

/// An arrival at a barrier in shared memory.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The barrier's space.
    pub space: Space,
    /// The barrier.
    pub address: Address,
    /// Whether the order extends to other blocks of the cluster.
    pub far: bool,
    /// The number of arrivals.
    pub count: Operand,
}

/// A test of a barrier in shared memory.
#[derive(Clone, Copy, Debug)]
pub struct PhaseTry {
    /// The predicate.
    pub into: usize,
    /// The barrier.
    pub address: Address,
    /// The parity of the phase.
    pub parity: Operand,
    /// Whether the order extends to other blocks of the cluster.
    pub far: bool,
}

/// An instruction that lanes of a warp run together. The last operand of most is the mask of lanes.
#[derive(Clone, Debug)]
pub enum Collective {
    /// A shuffle: the value's target, the target of the predicate; value, lane, clamp and mask.
    Shuffle(Shuffle, usize, Option<usize>, [Operand; 4]),
    /// A vote on a predicate, or on its negation: the target, the predicate, the mask.
    Vote(Vote, usize, Operand, bool, Operand),
    /// An integer reduction: the target, value and mask.
    Reduce(Name, Type, usize, [Operand; 2]),
    /// The mask of the lanes with the same value: the target, value and mask.
    Match(Type, usize, [Operand; 2]),
    /// A barrier of lanes.
    Barrier(Operand),
    /// A product of small matrices in double precision.
    Product(Box<Product>),
}

/// The source lane of a shuffle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shuffle {
    /// The lane of this number.
    Index,
    /// A lower lane.
    Up,
    /// A higher lane.
    Down,
    /// The lane with some bits flipped.
    Butterfly,
}

/// The result of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// Whether the predicate holds in all lanes.
    All,
    /// Whether it holds in any lane.
    Any,
    /// Whether it is equal in all lanes.
    Uniform,
    /// The mask of the lanes where it holds.
    Ballot,
}

/// The result of a barrier that combines a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The number of threads where it holds.
    Count,
    /// Whether it holds in all threads.
    All,
    /// Whether it holds in any thread.
    Any,
}

/// `D = A B + C` for `A` of `rows`×`depth`, `B` of `depth`×8 in double precision. Each lane holds some
/// entries of each matrix.
#[derive(Clone, Debug)]
pub struct Product {
    /// 8 or 16.
    pub rows: usize,
    /// 4, 8 or 16.
    pub depth: usize,
    /// Entries of the result.
    pub into: Vec<usize>,
    /// Entries of `A`.
    pub a: Vec<Operand>,
    /// Entries of `B`.
    pub b: Vec<Operand>,
    /// Entries of `C`.
    pub c: Vec<Operand>,
}

/// The atomic operations on integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomic {
    /// An arithmetic operation on the old value and the operand.
    Compute(Name),
    /// The operand.
    Exchange,
    /// The second operand if the old value equals the first.
    CompareAndSwap,
}

/// The comparisons. The names with `Or` hold for NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    EqualOrNan,
    NotEqualOrNan,
    LessOrNan,
    LessEqualOrNan,
    GreaterOrNan,
    GreaterEqualOrNan,
    Number,
    Nan,
}

/// The arithmetic instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Name {
    Abs,
    Add,
    And,
    BitExtract,
    BitInsert,
    CopySign,
    CountLeadingZeros,
    CountOnes,
    Div,
    Fma,
    FunnelLeft,
    FunnelRight,
    MadLow,
    MadWide,
    Max,
    Min,
    Mul,
    MulHigh,
    MulLow,
    MulWide,
    Neg,
    Not,
    Or,
    Permute,
    Rcp,
    RcpApproximate,
    Rem,
    Reverse,
    RsqrtApproximate,
    Select,
    Shl,
    Shr,
    Sqrt,
    Sub,
    Xor,
}

/// One instruction.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// The predicate of the instruction, and whether it is negated.
    pub guard: Option<(usize, bool)>,
    /// The operation.
    pub operation: Operation,
    /// Its line in the source if the text has `.loc`, else in the text.
    pub line: usize,
}

/// An entry point.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// Offset and bytes of each parameter.
    pub parameters: Vec<(usize, usize)>,
    /// Bytes of shared memory that it declares itself.
    pub shared_bytes: usize,
    /// The largest number of threads of a block.
    pub most_threads: Option<usize>,
    /// Bytes of memory of each thread.
    pub local_bytes: usize,
    /// The extents of a cluster, if the kernel sets them.
    pub cluster: Option<[u32; 3]>,
    /// The number of registers of a thread.
    pub registers: usize,
    /// Its instructions.
    pub code: Vec<Instruction>,
}

/// A module: the kernels of a PTX text.
#[derive(Debug, Default)]
pub struct Module {
    /// The version of PTX, times ten.
    pub version: u32,
    /// The compute capability, times ten.
    pub target: u32,
    /// Whether the target is one architecture alone, such as `sm_90a`.
    pub is_specific: bool,
    /// The kernels by name.
    pub kernels: HashMap<String, Kernel>,
}
