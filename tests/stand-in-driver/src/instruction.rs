//! Instructions, kernels and modules.

use std::collections::HashMap;

/// The scalar that an instruction works on.
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
    /// By its name in PTX.
    ///
    /// # Errors
    /// A name that is not known.
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

    /// Its bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Pred => 1,
            Self::U(size) | Self::S(size) => size,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    /// A register.
    Register(usize),
    /// A number.
    Value(u64),
    /// `%tid.x` and its like.
    Special(Special),
}

/// Where a thread stands.
#[derive(Clone, Copy, Debug)]
pub enum Special {
    /// The thread's index in its block, by axis.
    Thread(usize),
    /// The extents of a block.
    Threads(usize),
    /// The block's index in the grid.
    Block(usize),
    /// The extents of the grid.
    Blocks(usize),
}

/// Where an address points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The arguments of the launch.
    Param,
    /// The device's memory.
    Global,
    /// The block's memory.
    Shared,
}

/// An address: a base and an offset.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// A register or a fixed place.
    pub base: Operand,
    /// Bytes after it.
    pub offset: i64,
}

/// What an instruction does.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Copies, or packs and unpacks 64 bits.
    Move(usize, Operand),
    /// One 64-bit register from two of 32.
    Pack(usize, [Operand; 2]),
    /// Two 32-bit registers from one of 64.
    Unpack([usize; 2], Operand),
    /// One, two or three operands to one result, by name.
    Compute(Name, Type, usize, [Operand; 4]),
    /// A comparison.
    Compare(&'static str, Type, usize, [Operand; 2]),
    /// A conversion: rounding, to, from.
    Convert(&'static str, Type, Type, usize, Operand),
    /// A load of one or more neighbours.
    Load(Space, Type, Vec<usize>, Address),
    /// A store of one or more neighbours.
    Store(Space, Type, Vec<Operand>, Address),
    /// An atomic or: the old value, where, what.
    AtomicOr(Space, Type, usize, Address, Operand),
    /// A shuffle down within a warp.
    ShuffleDown(usize, [Operand; 4]),
    /// All threads of the block meet.
    Barrier,
    /// A jump.
    Branch(usize),
    /// The thread's end.
    Return,
}

/// The arithmetic instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Name {
    Abs,
    Add,
    And,
    BitInsert,
    CountLeadingZeros,
    Div,
    Fma,
    MadLow,
    Max,
    Min,
    Mul,
    MulHigh,
    MulLow,
    MulWide,
    Neg,
    Not,
    Or,
    Rcp,
    Rem,
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
    /// The predicate under which it runs, and whether its negation is meant.
    pub guard: Option<(usize, bool)>,
    /// What it does.
    pub operation: Operation,
    /// Its line in the text, or in the source where `.loc` tells.
    pub line: usize,
}

/// An entry point.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// Offset and bytes of each parameter.
    pub parameters: Vec<(usize, usize)>,
    /// Bytes of shared memory that it always has.
    pub shared_bytes: usize,
    /// The most threads of a block.
    pub most_threads: Option<usize>,
    /// How many registers a thread has.
    pub registers: usize,
    /// Its instructions.
    pub code: Vec<Instruction>,
}

/// A module: the kernels of a text.
#[derive(Debug, Default)]
pub struct Module {
    /// The version of the language, times ten.
    pub version: u32,
    /// The compute capability that it is for, times ten.
    pub target: u32,
    /// By name.
    pub kernels: HashMap<String, Kernel>,
}
