//! Reads PTX into instructions with numbered registers.
//!
//! The text has one instruction in each line, as compilers print it. A line that the reader does not
//! support is an error; no line is skipped.

use std::collections::HashMap;

use crate::instruction::{
    Address, Instruction, Kernel, Module, Name, Operand, Operation, Space, Special, Type,
};

/// Reads a module.
///
/// # Errors
/// The first line that the reader does not support.
pub fn parse(text: &str) -> Result<Module, String> {
    let mut module = Module::default();
    let mut reader = Reader::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.split("//").next().unwrap_or("").trim();
        let done = reader
            .line(line, number + 1, &mut module)
            .map_err(|what| format!("PTX line {}: {what}: {line}", number + 1))?;
        if let Some(kernel) = done {
            module.kernels.insert(kernel.name.clone(), kernel);
        }
    }
    Ok(module)
}

/// The state of reading.
#[derive(Default)]
struct Reader {
    kernel: Option<Kernel>,
    depth: usize,
    in_parameters: bool,
    registers: HashMap<String, usize>,
    labels: HashMap<String, usize>,
    jumps: Vec<(usize, String)>,
    /// Offsets of variables in shared memory and of parameters.
    places: HashMap<String, usize>,
    /// Variables of shared memory with a size that the launch sets.
    dynamic: Vec<String>,
    source_line: Option<usize>,
}

impl Reader {
    fn line(
        &mut self,
        line: &str,
        number: usize,
        module: &mut Module,
    ) -> Result<Option<Kernel>, String> {
        if line.is_empty() || line == "(" || line.starts_with(".pragma") {
            return Ok(None);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            ".version" => {
                let version: f64 = words[1].parse().map_err(|_| "version")?;
                module.version = (version * 10.0).round() as u32;
            }
            ".target" => {
                let name = words[1].trim_end_matches(',').trim_start_matches("sm_");
                let digits = name.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                module.target = digits.parse().map_err(|_| "target")?;
            }
            ".address_size" | ".file" | ".section" | ".minnctapersm" => {}
            ".loc" => self.source_line = words.get(2).and_then(|word| word.parse().ok()),
            ".visible" | ".entry" => self.begin(line)?,
            ".param" if self.in_parameters => self.parameter(&words)?,
            ")" => self.in_parameters = false,
            ".maxntid" => {
                let extents = line[".maxntid".len()..].split(',');
                let product: Option<usize> =
                    extents.map(|e| e.trim().parse::<usize>().ok()).product();
                self.current()?.most_threads = product;
            }
            ".extern" | ".shared" => self.shared(line)?,
            ".reg" => self.declare(&words)?,
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.checked_sub(1).ok_or("too many braces")?;
                if self.depth == 0 {
                    return self.end().map(Some);
                }
            }
            _ if line.ends_with(':') => {
                let place = self.current()?.code.len();
                self.labels
                    .insert(line.trim_end_matches(':').to_owned(), place);
            }
            _ if line.ends_with(';') => self.instruction(line.trim_end_matches(';'), number)?,
            _ => return Err("an unknown line".to_owned()),
        }
        Ok(None)
    }

    fn current(&mut self) -> Result<&mut Kernel, String> {
        self.kernel
            .as_mut()
            .ok_or_else(|| "outside of a kernel".to_owned())
    }

    fn begin(&mut self, line: &str) -> Result<(), String> {
        let name = line.split(".entry").nth(1).ok_or("only kernels are run")?;
        self.kernel = Some(Kernel {
            name: name.trim().trim_end_matches(['(', ')']).trim().to_owned(),
            ..Kernel::default()
        });
        self.in_parameters = !line.ends_with(')');
        self.registers.clear();
        self.labels.clear();
        self.jumps.clear();
        self.source_line = None;
        Ok(())
    }

    fn parameter(&mut self, words: &[&str]) -> Result<(), String> {
        let size = Type::parse(words[1].trim_start_matches('.'))?.size();
        let kernel = self.current()?;
        let end = kernel
            .parameters
            .last()
            .map_or(0, |&(offset, size)| offset + size);
        let offset = end.next_multiple_of(size);
        kernel.parameters.push((offset, size));
        let name = words[words.len() - 1].trim_end_matches(',').to_owned();
        self.places.insert(name, offset);
        Ok(())
    }

    /// `.shared .align 8 .b8 name[64];`
    fn shared(&mut self, line: &str) -> Result<(), String> {
        let (name, size) = line
            .trim_end_matches(';')
            .rsplit_once('[')
            .ok_or("an array is expected")?;
        let name = name
            .split_whitespace()
            .last()
            .ok_or("a name is expected")?
            .to_owned();
        let size = size.trim_end_matches(']');
        if size.is_empty() {
            self.dynamic.push(name);
            return Ok(());
        }
        let size: usize = size.parse().map_err(|_| "a size is expected")?;
        let kernel = self.current()?;
        let offset = kernel.shared_bytes.next_multiple_of(16);
        kernel.shared_bytes = offset + size;
        self.places.insert(name, offset);
        Ok(())
    }

    /// `.reg .f64 %fd<12>;` or `.reg .b32 %temp;`
    fn declare(&mut self, words: &[&str]) -> Result<(), String> {
        let name = words[2].trim_end_matches(';');
        let names = match name.split_once('<') {
            Some((stem, count)) => {
                let count: usize = count.trim_end_matches('>').parse().map_err(|_| "a count")?;
                (0..count).map(|i| format!("{stem}{i}")).collect()
            }
            None => vec![name.to_owned()],
        };
        for name in names {
            let place = self.current()?.registers;
            self.current()?.registers += 1;
            self.registers.insert(name, place);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Kernel, String> {
        let mut kernel = self.kernel.take().ok_or("outside of a kernel")?;
        for (place, label) in &self.jumps {
            let target = self.labels.get(label).ok_or("an undefined label")?;
            kernel.code[*place].operation = Operation::Branch(*target);
        }
        kernel.code.push(Instruction {
            guard: None,
            operation: Operation::Return,
            line: 0,
        });
        Ok(kernel)
    }

    fn instruction(&mut self, text: &str, number: usize) -> Result<(), String> {
        let line = self.source_line.unwrap_or(number);
        let mut text = text.trim();
        let mut guard = None;
        if let Some(rest) = text.strip_prefix('@') {
            let (name, rest) = rest
                .split_once(char::is_whitespace)
                .ok_or("a guard alone")?;
            let negated = name.starts_with('!');
            guard = Some((self.register(name.trim_start_matches('!'))?, negated));
            text = rest.trim();
        }
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let operands = split_operands(rest);
        if name == "bra" || name == "bra.uni" {
            let place = self.current()?.code.len();
            self.jumps.push((place, operands[0].to_owned()));
        }
        let operation = self.operation(name, &operands)?;
        self.current()?.code.push(Instruction {
            guard,
            operation,
            line,
        });
        Ok(())
    }

    fn operation(&self, name: &str, operands: &[&str]) -> Result<Operation, String> {
        let parts: Vec<&str> = name.split('.').collect();
        let last = || Type::parse(parts[parts.len() - 1]);
        Ok(match parts[0] {
            "bra" => Operation::Branch(0),
            "ret" | "exit" => Operation::Return,
            "bar" | "barrier" if operands == ["0"] => Operation::Barrier,
            "mov" if operands[0].starts_with('{') => {
                let names = inner(operands[0]);
                let into = [self.register(names[0])?, self.register(names[1])?];
                Operation::Unpack(into, self.operand(operands[1], last()?)?)
            }
            "mov" if operands[1].starts_with('{') => {
                let names = inner(operands[1]);
                let from = [
                    self.operand(names[0], Type::U(4))?,
                    self.operand(names[1], Type::U(4))?,
                ];
                Operation::Pack(self.register(operands[0])?, from)
            }
            "mov" | "cvta" => Operation::Move(
                self.register(operands[0])?,
                self.operand(operands[1], last()?)?,
            ),
            "setp" => {
                let compare = COMPARISONS.iter().find(|name| **name == parts[1]);
                let compare = compare.ok_or("an unknown comparison")?;
                let [into, a, b] = operands else {
                    return Err("three operands are expected".to_owned());
                };
                let from = [self.operand(a, last()?)?, self.operand(b, last()?)?];
                Operation::Compare(compare, last()?, self.register(into)?, from)
            }
            "cvt" => {
                let from = last()?;
                let to = Type::parse(parts[parts.len() - 2])?;
                let rounding = ["rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi"]
                    .into_iter()
                    .find(|rounding| parts[1..parts.len() - 2].contains(rounding))
                    .unwrap_or("");
                let value = self.operand(operands[1], from)?;
                Operation::Convert(rounding, to, from, self.register(operands[0])?, value)
            }
            "ld" => {
                let into = inner(operands[0]);
                let into = into.iter().map(|name| self.register(name));
                let into = into.collect::<Result<_, _>>()?;
                Operation::Load(space(&parts)?, last()?, into, self.address(operands[1])?)
            }
            "st" => {
                let from = inner(operands[1]);
                let from = from.iter().map(|name| self.operand(name, last()?));
                let from = from.collect::<Result<_, _>>()?;
                Operation::Store(space(&parts)?, last()?, from, self.address(operands[0])?)
            }
            "atom" if parts.contains(&"or") => {
                let value = self.operand(operands[2], last()?)?;
                let (into, address) = (self.register(operands[0])?, self.address(operands[1])?);
                Operation::AtomicOr(space(&parts)?, last()?, into, address, value)
            }
            "shfl" if name == "shfl.sync.down.b32" => {
                let into = operands[0].split('|').next().unwrap_or("");
                let of = |place: usize| self.operand(operands[place], Type::U(4));
                Operation::ShuffleDown(self.register(into)?, [of(1)?, of(2)?, of(3)?, of(4)?])
            }
            _ => {
                let what = arithmetic(&parts).ok_or("an unknown instruction")?;
                let kind = last()?;
                let mut from = [Operand::Value(0); 4];
                for (place, text) in operands[1..].iter().enumerate() {
                    let slot = from.get_mut(place).ok_or("too many operands")?;
                    *slot = self.operand(text, kind)?;
                }
                Operation::Compute(what, kind, self.register(operands[0])?, from)
            }
        })
    }

    fn register(&self, name: &str) -> Result<usize, String> {
        let place = self.registers.get(name.trim());
        place.copied().ok_or_else(|| format!("register {name}"))
    }

    fn operand(&self, text: &str, kind: Type) -> Result<Operand, String> {
        let text = text.trim();
        if let Some(&place) = self.registers.get(text) {
            return Ok(Operand::Register(place));
        }
        if let Some(name) = text.strip_prefix('%') {
            let (name, axis) = name.split_once('.').ok_or("an unknown register")?;
            let axis = ["x", "y", "z"]
                .iter()
                .position(|a| *a == axis)
                .ok_or("an axis")?;
            return Ok(Operand::Special(match name {
                "tid" => Special::Thread(axis),
                "ntid" => Special::Threads(axis),
                "ctaid" => Special::Block(axis),
                "nctaid" => Special::Blocks(axis),
                _ => return Err(format!("register %{name}")),
            }));
        }
        if let Some(&place) = self.places.get(text) {
            return Ok(Operand::Value(place as u64));
        }
        if self.dynamic.iter().any(|name| name == text) {
            // After the shared memory that the kernel declares; declarations precede the code.
            let kernel = self.kernel.as_ref().ok_or("outside of a kernel")?;
            return Ok(Operand::Value(
                kernel.shared_bytes.next_multiple_of(16) as u64
            ));
        }
        let number = if let Some(hex) = text.strip_prefix("0d") {
            u64::from_str_radix(hex, 16).ok()
        } else if let Some(hex) = text.strip_prefix("0f") {
            u64::from_str_radix(hex, 16).ok()
        } else if let Some(hex) = text.strip_prefix("0x") {
            u64::from_str_radix(hex, 16).ok()
        } else {
            let signed = text.parse::<i64>().map(|number| number as u64);
            signed.or_else(|_| text.parse::<u64>()).ok()
        };
        let number = number.ok_or_else(|| format!("operand {text}"))?;
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

const COMPARISONS: [&str; 14] = [
    "eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan",
];

/// The operands between commas. Commas in braces or brackets do not separate operands.
fn split_operands(text: &str) -> Vec<&str> {
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

fn space(parts: &[&str]) -> Result<Space, String> {
    let spaces = [
        ("param", Space::Param),
        ("global", Space::Global),
        ("shared", Space::Shared),
    ];
    let found = spaces.iter().find(|(name, _)| parts.contains(name));
    found
        .map(|(_, space)| *space)
        .ok_or_else(|| "an unknown space".to_owned())
}

fn arithmetic(parts: &[&str]) -> Option<Name> {
    let has = |name: &str| parts.contains(&name);
    if has("ftz") || has("sat") || has("approx") || has("cc") {
        return None;
    }
    Some(match parts[0] {
        "abs" => Name::Abs,
        "add" => Name::Add,
        "and" => Name::And,
        "bfi" => Name::BitInsert,
        "clz" => Name::CountLeadingZeros,
        "div" => Name::Div,
        "fma" => Name::Fma,
        "mad" if has("lo") => Name::MadLow,
        "max" => Name::Max,
        "min" => Name::Min,
        "mul" if has("wide") => Name::MulWide,
        "mul" if has("hi") => Name::MulHigh,
        "mul" if has("lo") => Name::MulLow,
        "mul" => Name::Mul,
        "neg" => Name::Neg,
        "not" => Name::Not,
        "or" => Name::Or,
        "rcp" => Name::Rcp,
        "rem" => Name::Rem,
        "selp" => Name::Select,
        "shl" => Name::Shl,
        "shr" => Name::Shr,
        "sqrt" => Name::Sqrt,
        "sub" => Name::Sub,
        "xor" => Name::Xor,
        _ => return None,
    })
}
