//! Reads the instructions of PTX. [`collectives`](crate::collectives) reads those of several threads.

use std::collections::HashMap;

use crate::collectives;
use crate::instruction::{
    Address, Atomic, Name, Operand, Operation, Order, Place, Side, Space, Special, Type,
};
use crate::mnemonics::{COMPARISONS, arithmetic};

/// The names of a kernel's registers and variables.
#[derive(Default)]
pub struct Names {
    /// The numbers of registers.
    pub registers: HashMap<String, usize>,
    /// Offsets of variables in shared and local memory and of parameters.
    pub places: HashMap<String, usize>,
    /// Variables of shared memory with a size that the launch sets.
    pub dynamic: Vec<String>,
    /// Bytes of shared memory that the kernel has declared so far.
    pub shared_bytes: usize,
}

/// The instruction with this name and these operands. The target of a branch is set later.
///
/// # Errors
/// An unknown instruction or operand.
pub fn operation(name: &str, operands: &[&str], names: &Names) -> Result<Operation, String> {
    let text = Text {
        parts: name.split('.').collect(),
        operands,
        names,
    };
    if let Some(collective) = collectives::read(&text)? {
        return Ok(collective);
    }
    text.simple()
}

/// The text of an instruction.
pub struct Text<'a> {
    /// The parts of its name between points.
    pub parts: Vec<&'a str>,
    /// Its operands.
    pub operands: &'a [&'a str],
    /// The names of registers and variables.
    pub names: &'a Names,
}

impl Text<'_> {
    /// Whether the name has this part.
    pub fn has(&self, part: &str) -> bool {
        self.parts.contains(&part)
    }

    /// The type: the last part of the name.
    ///
    /// # Errors
    /// An unknown type.
    pub fn kind(&self) -> Result<Type, String> {
        Type::parse(self.parts[self.parts.len() - 1])
    }

    /// The text of an operand.
    ///
    /// # Errors
    /// A missing operand.
    pub fn at(&self, place: usize) -> Result<&str, String> {
        let operand = self.operands.get(place).copied();
        operand.ok_or_else(|| format!("operand {place} is missing"))
    }

    /// An operand.
    ///
    /// # Errors
    /// A missing or unknown operand.
    pub fn operand(&self, place: usize, kind: Type) -> Result<Operand, String> {
        self.names.operand(self.at(place)?, kind)
    }

    /// An operand that is a register.
    ///
    /// # Errors
    /// A missing or unknown register.
    pub fn register(&self, place: usize) -> Result<usize, String> {
        self.names.register(self.at(place)?)
    }

    /// An operand that is an address.
    ///
    /// # Errors
    /// A missing or malformed address.
    pub fn address(&self, place: usize) -> Result<Address, String> {
        self.names.address(self.at(place)?)
    }

    /// The registers of an operand in braces, or a single register.
    ///
    /// # Errors
    /// A missing or unknown register.
    pub fn registers(&self, place: usize) -> Result<Vec<usize>, String> {
        let names = inner(self.at(place)?);
        names.iter().map(|name| self.names.register(name)).collect()
    }

    /// The operands in braces, or a single operand.
    ///
    /// # Errors
    /// A missing or unknown operand.
    pub fn operand_list(&self, place: usize, kind: Type) -> Result<Vec<Operand>, String> {
        let names = inner(self.at(place)?);
        names
            .iter()
            .map(|name| self.names.operand(name, kind))
            .collect()
    }

    /// The memory: generic if the name has none.
    pub fn space(&self) -> Space {
        let spaces = [
            ("param", Space::Param),
            ("global", Space::Global),
            ("shared", Space::Shared),
            ("shared::cta", Space::Shared),
            ("shared::cluster", Space::Cluster),
            ("local", Space::Local),
        ];
        let found = spaces.iter().find(|(name, _)| self.has(name));
        found.map_or(Space::Generic, |(_, space)| *space)
    }

    fn place(&self, address: usize) -> Result<Place, String> {
        if self.has("const") {
            return Err("constant memory".to_owned());
        }
        Ok(Place {
            space: self.space(),
            kind: self.kind()?,
            address: self.address(address)?,
        })
    }

    fn order(&self) -> Result<Order, String> {
        let far = !self.has("cta");
        let orders = [
            ("acquire", Order::Flag(true, far)),
            ("release", Order::Flag(true, far)),
            ("relaxed", Order::Flag(false, far)),
            ("volatile", Order::Flag(false, true)),
            ("nc", Order::Constant),
        ];
        let found = orders.iter().find(|(name, _)| self.has(name));
        let order = found.map_or(Order::Weak, |(_, order)| *order);
        if matches!(order, Order::Flag(..)) && self.at(0)?.starts_with('{') {
            return Err("a flag of several values".to_owned());
        }
        Ok(order)
    }

    fn simple(&self) -> Result<Operation, String> {
        Ok(match self.parts[0] {
            "bra" => Operation::Branch(0),
            "ret" | "exit" => Operation::Return,
            "trap" => Operation::Trap,
            "membar" | "fence" => Operation::Fence,
            "mov" if self.at(0)?.starts_with('{') => {
                let &[low, high] = &self.registers(0)?[..] else {
                    return Err("two registers are expected".to_owned());
                };
                Operation::Unpack([low, high], self.operand(1, Type::U(8))?)
            }
            "mov" if self.at(1)?.starts_with('{') => {
                let &[low, high] = &self.operand_list(1, Type::U(4))?[..] else {
                    return Err("two operands are expected".to_owned());
                };
                Operation::Pack(self.register(0)?, [low, high])
            }
            "mov" => Operation::Move(self.register(0)?, self.operand(1, self.kind()?)?),
            "cvta" => {
                let (into, from) = (self.register(0)?, self.operand(1, self.kind()?)?);
                match self.space() {
                    Space::Global | Space::Param => Operation::Move(into, from),
                    space if self.has("to") => Operation::FromGeneric(space, into, from),
                    space => Operation::ToGeneric(space, into, from),
                }
            }
            "setp" => self.comparison()?,
            "cvt" => self.conversion()?,
            "ld" => Operation::Load(self.place(1)?, self.registers(0)?, self.order()?),
            "st" => {
                let from = self.operand_list(1, self.kind()?)?;
                Operation::Store(self.place(0)?, from, self.order()?)
            }
            "atom" => {
                let into = Some(self.register(0)?);
                self.atomic(into, 1)?
            }
            "red" => self.atomic(None, 0)?,
            "mapa" => {
                let wide = !self.has("shared::cluster");
                let from = [self.operand(1, self.kind()?)?, self.operand(2, Type::U(4))?];
                Operation::MapShared(wide, self.register(0)?, from)
            }
            "activemask" => Operation::ActiveMask(self.register(0)?),
            _ => {
                let what = arithmetic(&self.parts).ok_or("an unknown instruction")?;
                let kind = self.kind()?;
                let mut from = [Operand::Value(0); 4];
                for (place, slot) in (1..self.operands.len()).zip(0..) {
                    let slot = from.get_mut(slot).ok_or("too many operands")?;
                    *slot = self.operand(place, kind)?;
                }
                Operation::Compute(what, kind, self.register(0)?, from)
            }
        })
    }

    fn comparison(&self) -> Result<Operation, String> {
        let compare = COMPARISONS.iter().find(|(name, _)| *name == self.parts[1]);
        let (_, compare) = compare.ok_or("an unknown comparison")?;
        if self.operands.len() != 3 || self.parts.len() != 3 {
            return Err("a plain comparison with three operands is expected".to_owned());
        }
        let kind = self.kind()?;
        let from = [self.operand(1, kind)?, self.operand(2, kind)?];
        Ok(Operation::Compare(*compare, kind, self.register(0)?, from))
    }

    fn conversion(&self) -> Result<Operation, String> {
        let from = self.kind()?;
        let to = Type::parse(self.parts[self.parts.len() - 2])?;
        let between = &self.parts[1..self.parts.len() - 2];
        let roundings = ["rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi"];
        let rounding = match between {
            [] => "",
            [one] => roundings
                .into_iter()
                .find(|rounding| rounding == one)
                .ok_or("a rounding")?,
            _ => return Err("an unknown conversion".to_owned()),
        };
        // Widening is exact; no other rounding of floats is implemented.
        if matches!(rounding, "rz" | "rm" | "rp") {
            return Err("a directed rounding".to_owned());
        }
        let value = self.operand(1, from)?;
        Ok(Operation::Convert(
            rounding,
            to,
            from,
            self.register(0)?,
            value,
        ))
    }

    fn atomic(&self, into: Option<usize>, first: usize) -> Result<Operation, String> {
        let kind = self.kind()?;
        if matches!(kind, Type::F32 | Type::F64) {
            return Err("an atomic operation on floats depends on the order of threads".to_owned());
        }
        let names = [
            ("add", Atomic::Compute(Name::Add)),
            ("and", Atomic::Compute(Name::And)),
            ("or", Atomic::Compute(Name::Or)),
            ("xor", Atomic::Compute(Name::Xor)),
            ("min", Atomic::Compute(Name::Min)),
            ("max", Atomic::Compute(Name::Max)),
            ("exch", Atomic::Exchange),
            ("cas", Atomic::CompareAndSwap),
        ];
        let found = names.iter().find(|(name, _)| self.has(name));
        let (_, atomic) = found.ok_or("an unknown atomic operation")?;
        let second = match atomic {
            Atomic::CompareAndSwap => self.operand(first + 2, kind)?,
            _ => Operand::Value(0),
        };
        let values = [self.operand(first + 1, kind)?, second];
        Ok(Operation::Atomic(*atomic, self.place(first)?, into, values))
    }
}

impl Names {
    /// The number of a register.
    ///
    /// # Errors
    /// An unknown name.
    pub fn register(&self, name: &str) -> Result<usize, String> {
        let place = self.registers.get(name.trim());
        place.copied().ok_or_else(|| format!("register {name}"))
    }

    /// A register, a variable or a number.
    ///
    /// # Errors
    /// None of them.
    pub fn operand(&self, text: &str, kind: Type) -> Result<Operand, String> {
        let text = text.trim();
        if let Some(&place) = self.registers.get(text) {
            return Ok(Operand::Register(place));
        }
        if let Some(name) = text.strip_prefix('%') {
            return special(name).map(Operand::Special);
        }
        if let Some(&place) = self.places.get(text) {
            return Ok(Operand::Value(place as u64));
        }
        if self.dynamic.iter().any(|name| name == text) {
            return Ok(self.dynamic_start());
        }
        let digits = text.strip_prefix("0d").or_else(|| text.strip_prefix("0f"));
        let number = if let Some(hex) = digits.or_else(|| text.strip_prefix("0x")) {
            u64::from_str_radix(hex.trim_end_matches('U'), 16).ok()
        } else {
            let signed = text.parse::<i64>().map(|number| number as u64);
            signed.or_else(|_| text.parse::<u64>()).ok()
        };
        let number = number.ok_or_else(|| format!("operand {text}"))?;
        // A predicate is 0 or 1; `mov.pred` writes true as -1.
        if kind == Type::Pred {
            return Ok(Operand::Value(u64::from(number != 0)));
        }
        // A register holds as many bytes as its type.
        Ok(Operand::Value(match kind.size() {
            8 => number,
            size => number & ((1 << (8 * size)) - 1),
        }))
    }

    /// `[%rd1+8]`
    fn address(&self, text: &str) -> Result<Address, String> {
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        let (base, offset) = text.split_once('+').unwrap_or((text, "0"));
        Ok(Address {
            base: self.operand(base, Type::U(8))?,
            offset: offset.trim().parse().map_err(|_| "an offset is expected")?,
        })
    }
}

/// A special register, without its `%`.
fn special(name: &str) -> Result<Special, String> {
    let single = [
        ("laneid", Special::Lane),
        ("warpid", Special::Warp),
        ("cluster_ctarank", Special::Rank),
        ("cluster_nctarank", Special::Ranks),
        ("lanemask_eq", Special::LaneMask(Side::Equal)),
        ("lanemask_lt", Special::LaneMask(Side::Below)),
        ("lanemask_le", Special::LaneMask(Side::UpTo)),
        ("lanemask_gt", Special::LaneMask(Side::Above)),
        ("lanemask_ge", Special::LaneMask(Side::From)),
    ];
    if let Some((_, special)) = single.iter().find(|(known, _)| *known == name) {
        return Ok(*special);
    }
    let (stem, axis) = name.split_once('.').ok_or("an unknown register")?;
    let axis = ["x", "y", "z"]
        .iter()
        .position(|a| *a == axis)
        .ok_or("an axis")?;
    Ok(match stem {
        "tid" => Special::Thread(axis),
        "ntid" => Special::Threads(axis),
        "ctaid" => Special::Block(axis),
        "nctaid" => Special::Blocks(axis),
        "clusterid" => Special::Cluster(axis),
        "nclusterid" => Special::Clusters(axis),
        "cluster_ctaid" => Special::BlockInCluster(axis),
        "cluster_nctaid" => Special::BlocksInCluster(axis),
        _ => return Err(format!("register %{name}")),
    })
}

/// The operands between commas. Commas in braces or brackets do not separate operands.
pub fn split_operands(text: &str) -> Vec<&str> {
    let mut operands = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (place, letter) in text.char_indices() {
        match letter {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => {
                operands.push(text[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        operands.push(text[start..].trim());
    }
    operands
}

/// The names in braces, or a single name.
fn inner(text: &str) -> Vec<&str> {
    text.trim_matches(['{', '}'])
        .split(',')
        .map(str::trim)
        .collect()
}
