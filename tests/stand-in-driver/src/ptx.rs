//! Reads PTX into instructions with numbered registers: lines, declarations and labels.
//! [`operations`](crate::operations) reads the instructions.
//!
//! A statement that the reader does not support is an error; no statement is skipped.

use std::collections::HashMap;

use crate::instruction::{Instruction, Kernel, Module, Operand, Operation, Type};
use crate::operations::{Names, operation, split_operands};

/// Reads a module.
///
/// # Errors
/// The first line that the reader does not support.
pub fn parse(text: &str) -> Result<Module, String> {
    let mut module = Module::default();
    let mut reader = Reader::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.split("//").next().unwrap_or("").trim();
        for statement in statements(line) {
            let done = reader
                .statement(statement, number + 1, &mut module)
                .map_err(|what| format!("PTX line {}: {what}: {line}", number + 1))?;
            if let Some(kernel) = done {
                module.kernels.insert(kernel.name.clone(), kernel);
            }
        }
    }
    Ok(module)
}

/// The statements of a line: compilers print one, assembly in a source file can have several.
fn statements(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        // Operands in braces never begin a statement.
        let end = if rest.starts_with(['{', '}']) {
            1
        } else {
            let first = rest.find([' ', '\t', ';']).unwrap_or(rest.len());
            if rest[..first].ends_with(':') {
                first
            } else {
                rest.find(';').map_or(rest.len(), |place| place + 1)
            }
        };
        found.push(rest[..end].trim());
        rest = rest[end..].trim();
    }
    found
}

/// A block in braces: where its labels and its jumps begin in the lists.
#[derive(Clone, Copy, Default)]
struct Scope {
    labels: usize,
    jumps: usize,
}

/// The state of reading.
#[derive(Default)]
struct Reader {
    kernel: Option<Kernel>,
    scopes: Vec<Scope>,
    in_parameters: bool,
    names: Names,
    labels: Vec<(String, usize)>,
    jumps: Vec<(usize, String)>,
    source_line: Option<usize>,
    /// The beginning of a statement that continues on the next line.
    begun: String,
}

impl Reader {
    fn statement(
        &mut self,
        text: &str,
        number: usize,
        module: &mut Module,
    ) -> Result<Option<Kernel>, String> {
        if !self.scopes.is_empty() && self.continues(text) {
            return Ok(None);
        }
        let whole;
        let line = if self.begun.is_empty() {
            text
        } else {
            whole = std::mem::take(&mut self.begun) + text;
            &whole
        };
        if line == "(" || line.starts_with(".pragma") {
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
                module.is_specific = digits.len() < name.len();
            }
            ".address_size" | ".file" | ".section" | ".minnctapersm" | ".explicitcluster" => {}
            ".loc" => self.source_line = words.get(2).and_then(|word| word.parse().ok()),
            // An instruction that names such a variable is an error.
            ".global" if self.kernel.is_none() => {}
            ".visible" | ".weak" if line.contains(".global") => {}
            ".visible" | ".weak" | ".entry" => self.begin(line)?,
            ".param" if self.in_parameters => self.parameter(&words)?,
            ")" => self.in_parameters = false,
            ".maxntid" | ".reqntid" => {
                let product = numbers(line).into_iter().product::<u32>() as usize;
                self.current()?.most_threads = Some(product);
            }
            ".reqnctapercluster" => {
                let mut extents = [1; 3];
                for (extent, number) in extents.iter_mut().zip(numbers(line)) {
                    *extent = number;
                }
                self.current()?.cluster = Some(extents);
            }
            ".extern" | ".shared" => self.shared(line)?,
            ".local" => self.local(line)?,
            ".reg" => self.declare(line)?,
            "{" => self.scopes.push(Scope {
                labels: self.labels.len(),
                jumps: self.jumps.len(),
            }),
            "}" => {
                self.close()?;
                if self.scopes.is_empty() {
                    return self.end().map(Some);
                }
            }
            _ if line.ends_with(':') => {
                let place = self.current()?.code.len();
                let name = line.trim_end_matches(':').to_owned();
                self.labels.push((name, place));
            }
            _ if line.ends_with(';') => self.instruction(line.trim_end_matches(';'), number)?,
            _ => return Err("an unknown line".to_owned()),
        }
        Ok(None)
    }

    /// Whether an instruction continues on the next line; then keeps its beginning.
    fn continues(&mut self, text: &str) -> bool {
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '@');
        let open = (begins || !self.begun.is_empty()) && !text.ends_with([';', ':']);
        if open {
            self.begun.push_str(text);
            self.begun.push(' ');
        }
        open
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
        self.names.registers.clear();
        self.labels.clear();
        self.jumps.clear();
        self.source_line = None;
        Ok(())
    }

    /// `.param .u64 name` or `.param .align 8 .b8 name[24]`
    fn parameter(&mut self, words: &[&str]) -> Result<(), String> {
        let name = words[words.len() - 1].trim_end_matches(',');
        let (name, size, align) = match name.split_once('[') {
            Some((name, count)) => {
                let count = count.trim_end_matches(']').parse();
                let align = words.iter().position(|&word| word == ".align");
                let align = align.and_then(|place| words[place + 1].parse().ok());
                (
                    name,
                    count.map_err(|_| "a size is expected")?,
                    align.unwrap_or(1),
                )
            }
            None => {
                let size = Type::parse(words[1].trim_start_matches('.'))?.size();
                (name, size, size)
            }
        };
        let kernel = self.current()?;
        let end = kernel
            .parameters
            .last()
            .map_or(0, |&(offset, size)| offset + size);
        let offset = end.next_multiple_of(align);
        kernel.parameters.push((offset, size));
        self.names.places.insert(name.to_owned(), offset);
        Ok(())
    }

    /// `.shared .align 8 .b8 name[64];`
    fn shared(&mut self, line: &str) -> Result<(), String> {
        let (name, size) = array(line)?;
        if size == 0 {
            self.names.dynamic.push(name);
            return Ok(());
        }
        let kernel = self.current()?;
        let offset = kernel.shared_bytes.next_multiple_of(16);
        kernel.shared_bytes = offset + size;
        self.names.shared_bytes = kernel.shared_bytes;
        self.names.places.insert(name, offset);
        Ok(())
    }

    /// `.local .align 8 .b8 name[64];`
    fn local(&mut self, line: &str) -> Result<(), String> {
        let (name, size) = array(line)?;
        let kernel = self.current()?;
        let offset = kernel.local_bytes.next_multiple_of(16);
        kernel.local_bytes = offset + size;
        self.names.places.insert(name, offset);
        Ok(())
    }

    /// `.reg .f64 %fd<12>;` or `.reg .b32 %a, %b;`
    fn declare(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.trim_end_matches(';').splitn(3, char::is_whitespace);
        let names = words.nth(2).ok_or("a name is expected")?;
        for name in names.split(',') {
            let name = name.trim();
            let names = match name.split_once('<') {
                Some((stem, count)) => {
                    let count: usize =
                        count.trim_end_matches('>').parse().map_err(|_| "a count")?;
                    (0..count).map(|i| format!("{stem}{i}")).collect()
                }
                None => vec![name.to_owned()],
            };
            for name in names {
                let place = self.current()?.registers;
                self.current()?.registers += 1;
                self.names.registers.insert(name, place);
            }
        }
        Ok(())
    }

    /// Ends a block: its jumps go to its labels first, then to those of blocks around it.
    fn close(&mut self) -> Result<(), String> {
        let scope = self.scopes.pop().ok_or("too many braces")?;
        let labels: HashMap<String, usize> = self.labels.drain(scope.labels..).collect();
        let kernel = self.kernel.as_mut().ok_or("outside of a kernel")?;
        let jumps = self.jumps.split_off(scope.jumps);
        for (place, label) in jumps {
            match labels.get(&label) {
                Some(&target) => kernel.code[place].operation = Operation::Branch(target),
                None if self.scopes.is_empty() => {
                    return Err(format!("an undefined label {label}"));
                }
                None => self.jumps.push((place, label)),
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Kernel, String> {
        let mut kernel = self.kernel.take().ok_or("outside of a kernel")?;
        kernel.code.push(Instruction {
            guard: None,
            operation: Operation::Return,
            line: 0,
        });
        self.names.shared_bytes = 0;
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
            let register = self.names.register(name.trim_start_matches('!'))?;
            guard = Some((register, negated));
            text = rest.trim();
        }
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let operands = split_operands(rest);
        if name == "bra" || name == "bra.uni" {
            let place = self.current()?.code.len();
            let label = operands.first().ok_or("a label is expected")?;
            self.jumps.push((place, (*label).to_owned()));
        }
        let operation = operation(name, &operands, &self.names)?;
        self.current()?.code.push(Instruction {
            guard,
            operation,
            line,
        });
        Ok(())
    }
}

/// Name and bytes of an array of bytes; no bytes if the launch sets the size.
fn array(line: &str) -> Result<(String, usize), String> {
    let (name, size) = line
        .trim_end_matches(';')
        .rsplit_once('[')
        .ok_or("an array is expected")?;
    let mut words = name.split_whitespace().rev();
    let name = words.next().ok_or("a name is expected")?.to_owned();
    let kind = words.next().unwrap_or(".b8").trim_start_matches('.');
    let size = size.trim_end_matches(']');
    if size.is_empty() {
        return Ok((name, 0));
    }
    let count: usize = size.parse().map_err(|_| "a size is expected")?;
    Ok((name, count * Type::parse(kind)?.size()))
}

/// The numbers of a directive such as `.maxntid 256, 1, 1`.
fn numbers(line: &str) -> Vec<u32> {
    let words = line.split([',', ' ', '\t']);
    words.filter_map(|word| word.trim().parse().ok()).collect()
}

impl Names {
    /// The address of a variable in shared memory of the launch's size: after the shared memory that
    /// the kernel declares. Declarations precede the code.
    pub(crate) fn dynamic_start(&self) -> Operand {
        Operand::Value(self.shared_bytes.next_multiple_of(16) as u64)
    }
}
