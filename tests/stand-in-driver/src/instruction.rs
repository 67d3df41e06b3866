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

/// The special registers. Each has an axis: 0, 1 or 2 for x, y or z.
#[derive(Clone, Copy, Debug)]
pub enum Special {
    /// The thread's index in its block.
    Thread(usize),
    /// The extents of a block.
    Threads(usize),
    /// The block's index in the grid.
    Block(usize),
    /// The extents of the grid.
    Blocks(usize),
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
}

/// An address: a base and an offset.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// A register or a fixed address.
    pub base: Operand,
    /// Bytes from the base.
    pub offset: i64,
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
    Compare(&'static str, Type, usize, [Operand; 2]),
    /// A conversion: rounding, target type, source type, target, source.
    Convert(&'static str, Type, Type, usize, Operand),
    /// A load of one or more consecutive values.
    Load(Space, Type, Vec<usize>, Address),
    /// A store of one or more consecutive values.
    Store(Space, Type, Vec<Operand>, Address),
    /// An atomic or: the register for the old value, the address, the operand.
    AtomicOr(Space, Type, usize, Address, Operand),
    /// A shuffle down within a warp.
    ShuffleDown(usize, [Operand; 4]),
    /// A barrier of all threads of the block.
    Barrier,
    /// A jump to an instruction.
    Branch(usize),
    /// The end of the thread.
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
    /// The kernels by name.
    pub kernels: HashMap<String, Kernel>,
}
