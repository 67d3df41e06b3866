//! Runs a launch: blocks one after the other, each thread until it waits for others.

use std::collections::BTreeMap;

use crate::arithmetic::{compare, compute, convert};
use crate::clocks::Span;
use crate::instruction::{Address, Instruction, Kernel, Operand, Operation, Space, Special, Type};
use crate::memory::{Accessor, Memory, Region};

/// The order in which threads and blocks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// From the first to the last.
    #[default]
    Forward,
    /// From the last to the first.
    Backward,
    /// Shuffled anew at each barrier, from a seed.
    Shuffled(u64),
}

impl Schedule {
    /// The order of `count` threads or blocks in a turn.
    fn order(self, count: usize, turn: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        match self {
            Self::Forward => {}
            Self::Backward => order.reverse(),
            Self::Shuffled(seed) => {
                let mut state = seed ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                for i in (1..count).rev() {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    order.swap(i, (state % (i as u64 + 1)) as usize);
                }
            }
        }
        order
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

/// A launch with more instructions counts as hanging.
const MOST_INSTRUCTIONS: u64 = 20_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    AtBarrier,
    AtShuffle,
    Ended,
}

struct Thread {
    place: usize,
    registers: Vec<u64>,
    state: State,
}

/// Runs a launch to its end.
///
/// # Errors
/// The first fault of the kernel, with kernel, block, thread and line.
pub fn run(launch: &Launch<'_>, memory: &mut Memory) -> Result<Done, String> {
    let [across, down, deep] = launch.blocks.map(|extent| extent as usize);
    let mut machine = Machine {
        launch,
        memory,
        shared: Region::new(0),
        done: Done::default(),
        spans: BTreeMap::new(),
        block: [0; 3],
        block_number: 0,
        epoch: 0,
    };
    for number in launch.schedule.order(across * down * deep, 0) {
        machine.block = [
            number % across,
            number / across % down,
            number / across / down,
        ];
        machine.block_number = number as u32;
        machine.run_block()?;
    }
    let mut done = machine.done;
    done.spans = machine.spans.into_values().flatten().flatten().collect();
    Ok(done)
}

struct Machine<'a> {
    launch: &'a Launch<'a>,
    memory: &'a mut Memory,
    shared: Region,
    done: Done,
    /// For each allocation, by its start: the bytes read and the bytes written.
    spans: BTreeMap<u64, [Option<Span>; 2]>,
    block: [usize; 3],
    block_number: u32,
    epoch: u32,
}

impl Machine<'_> {
    fn run_block(&mut self) -> Result<(), String> {
        let kernel = self.launch.kernel;
        let count = self.launch.threads.iter().product::<u32>() as usize;
        let fixed = kernel.shared_bytes.next_multiple_of(16);
        self.shared = Region::new(fixed + self.launch.dynamic_bytes);
        self.epoch = 0;
        let mut threads: Vec<Thread> = (0..count)
            .map(|_| Thread {
                place: 0,
                registers: vec![0; kernel.registers],
                state: State::Ready,
            })
            .collect();
        for turn in 0u64.. {
            for number in self.launch.schedule.order(count, turn) {
                if threads[number].state == State::Ready {
                    self.run_thread(number, &mut threads[number])?;
                }
            }
            if self.shuffle(&mut threads) {
                continue;
            }
            if threads.iter().all(|thread| thread.state == State::Ended) {
                return Ok(());
            }
            self.pass_barrier(&mut threads)?;
        }
        Ok(())
    }

    /// Lets all threads continue after a barrier. Fails unless all wait, at the same barrier.
    fn pass_barrier(&mut self, threads: &mut [Thread]) -> Result<(), String> {
        let waits = |thread: &Thread| thread.state == State::AtBarrier;
        let first = threads.iter().position(waits).unwrap_or(0);
        let place = threads[first].place;
        let missing = threads
            .iter()
            .position(|thread| !waits(thread) || thread.place != place);
        if let Some(missing) = missing {
            let line = self.launch.kernel.code[place - 1].line;
            let what = match threads[missing].state {
                State::Ended => "has ended",
                State::AtShuffle => "waits in a shuffle that its warp never completes",
                _ => "waits at another",
            };
            return Err(format!(
                "divergent barrier in {} at line {line}, block {}: thread {first} waits, thread \
                 {missing} {what}",
                self.launch.kernel.name, self.block_number
            ));
        }
        for thread in threads {
            thread.state = State::Ready;
        }
        self.epoch += 1;
        self.done.barriers += 1;
        Ok(())
    }

    /// Completes the shuffles at which all threads of a warp wait. Returns whether there was one.
    fn shuffle(&mut self, threads: &mut [Thread]) -> bool {
        let mut any = false;
        for warp in threads.chunks_mut(32) {
            let place = warp[0].place;
            let whole = warp
                .iter()
                .all(|thread| thread.state == State::AtShuffle && thread.place == place);
            let Operation::ShuffleDown(into, [value, step, ..]) =
                self.launch.kernel.code[place.saturating_sub(1)].operation
            else {
                continue;
            };
            if !whole {
                continue;
            }
            any = true;
            let of = |thread: &Thread, operand: Operand| match operand {
                Operand::Register(register) => thread.registers[register],
                Operand::Value(value) => value,
                Operand::Special(_) => 0,
            };
            let values: Vec<u64> = warp.iter().map(|thread| of(thread, value)).collect();
            for (lane, thread) in warp.iter_mut().enumerate() {
                let source = lane + of(thread, step) as usize;
                thread.registers[into] = values[if source < values.len() { source } else { lane }];
                thread.state = State::Ready;
            }
        }
        any
    }

    /// Runs a thread until it waits or ends.
    fn run_thread(&mut self, number: usize, thread: &mut Thread) -> Result<(), String> {
        let code = &self.launch.kernel.code;
        loop {
            let instruction = &code[thread.place];
            thread.place += 1;
            self.done.instructions += 1;
            if let Some((register, negated)) = instruction.guard
                && (thread.registers[register] != 0) == negated
            {
                continue;
            }
            let step = self.step(number, thread, instruction).map_err(|what| {
                format!(
                    "{what}; in {} at line {}, block {}, thread {number}",
                    self.launch.kernel.name, instruction.line, self.block_number
                )
            })?;
            if !step {
                return Ok(());
            }
        }
    }

    /// Runs one instruction. Returns whether the thread continues.
    #[inline]
    fn step(
        &mut self,
        number: usize,
        thread: &mut Thread,
        instruction: &Instruction,
    ) -> Result<bool, String> {
        let unknown = || "an instruction for a type that has none".to_owned();
        match &instruction.operation {
            Operation::Compute(name, kind, into, from) => {
                let from = from.map(|operand| self.value(number, thread, operand));
                thread.registers[*into] = compute(*name, *kind, from).ok_or_else(unknown)?;
            }
            Operation::Move(into, from) => {
                thread.registers[*into] = self.value(number, thread, *from);
            }
            Operation::Pack(into, from) => {
                let [low, high] = from.map(|operand| self.value(number, thread, operand));
                thread.registers[*into] = low & 0xffff_ffff | high << 32;
            }
            Operation::Unpack([low, high], from) => {
                let value = self.value(number, thread, *from);
                thread.registers[*low] = value & 0xffff_ffff;
                thread.registers[*high] = value >> 32;
            }
            Operation::Compare(how, kind, into, from) => {
                let [a, b] = from.map(|operand| self.value(number, thread, operand));
                let holds = compare(how, *kind, a, b).ok_or_else(unknown)?;
                thread.registers[*into] = u64::from(holds);
            }
            Operation::Convert(rounding, to, from, into, value) => {
                let value = self.value(number, thread, *value);
                let converted = convert(rounding, *to, *from, value);
                thread.registers[*into] = converted.ok_or_else(unknown)?;
            }
            Operation::Load(space, kind, into, address) => {
                let start = self.address(number, thread, *address);
                for (place, into) in into.iter().enumerate() {
                    let at = start.wrapping_add((place * kind.size()) as u64);
                    let value = self.load(*space, *kind, at, number, false)?;
                    thread.registers[*into] = value;
                }
            }
            Operation::Store(space, kind, from, address) => {
                let start = self.address(number, thread, *address);
                for (place, from) in from.iter().enumerate() {
                    let at = start.wrapping_add((place * kind.size()) as u64);
                    let value = self.value(number, thread, *from);
                    self.store(*space, *kind, at, value, number, false)?;
                }
            }
            Operation::AtomicOr(space, kind, into, address, value) => {
                let at = self.address(number, thread, *address);
                let value = self.value(number, thread, *value);
                let old = self.load(*space, *kind, at, number, true)?;
                self.store(*space, *kind, at, old | value, number, true)?;
                thread.registers[*into] = old;
            }
            Operation::ShuffleDown(_, [.., mask]) => {
                if self.value(number, thread, *mask) as u32 != u32::MAX {
                    return Err("a shuffle of part of a warp".to_owned());
                }
                thread.state = State::AtShuffle;
                return Ok(false);
            }
            Operation::Barrier => {
                thread.state = State::AtBarrier;
                return Ok(false);
            }
            Operation::Branch(target) => {
                if *target < thread.place && self.done.instructions > MOST_INSTRUCTIONS {
                    return Err("no end after 20,000 million instructions".to_owned());
                }
                thread.place = *target;
            }
            Operation::Return => {
                thread.state = State::Ended;
                return Ok(false);
            }
        }
        Ok(true)
    }

    #[inline]
    fn value(&self, number: usize, thread: &Thread, operand: Operand) -> u64 {
        match operand {
            Operand::Register(register) => thread.registers[register],
            Operand::Value(value) => value,
            Operand::Special(special) => {
                let threads = self.launch.threads.map(|extent| extent as usize);
                (match special {
                    Special::Thread(0) => number % threads[0],
                    Special::Thread(1) => number / threads[0] % threads[1],
                    Special::Thread(_) => number / threads[0] / threads[1],
                    Special::Threads(axis) => threads[axis],
                    Special::Block(axis) => self.block[axis],
                    Special::Blocks(axis) => self.launch.blocks[axis] as usize,
                }) as u64
            }
        }
    }

    fn address(&self, number: usize, thread: &Thread, address: Address) -> u64 {
        let base = self.value(number, thread, address.base);
        base.wrapping_add_signed(address.offset)
    }

    fn accessor(&self, number: usize, atomic: bool) -> Accessor {
        Accessor {
            launch: self.launch.number,
            block: self.block_number,
            thread: number as u32,
            epoch: self.epoch,
            atomic,
        }
    }

    fn load(
        &mut self,
        space: Space,
        kind: Type,
        address: u64,
        number: usize,
        atomic: bool,
    ) -> Result<u64, String> {
        let by = self.accessor(number, atomic);
        match space {
            Space::Param => {
                let start = address as usize;
                let bytes = self.launch.arguments.get(start..start + kind.size());
                let mut value = [0; 8];
                value[..kind.size()].copy_from_slice(bytes.ok_or("a parameter out of bounds")?);
                Ok(u64::from_le_bytes(value))
            }
            Space::Shared => {
                let loaded = self.shared.load(address as usize, kind.size(), by);
                loaded.map_err(|what| format!("shared memory: {what}"))
            }
            Space::Global => {
                let (start, region) = self.memory.around(address)?;
                let offset = (address - start) as usize;
                let value = region.load(offset, kind.size(), by)?;
                self.touch(start, address, kind.size(), false);
                Ok(value)
            }
        }
    }

    fn store(
        &mut self,
        space: Space,
        kind: Type,
        address: u64,
        value: u64,
        number: usize,
        atomic: bool,
    ) -> Result<(), String> {
        let by = self.accessor(number, atomic);
        match space {
            Space::Param => Err("a store to a parameter".to_owned()),
            Space::Shared => {
                let stored = self.shared.store(address as usize, kind.size(), value, by);
                stored.map_err(|what| format!("shared memory: {what}"))
            }
            Space::Global => {
                let (start, region) = self.memory.around(address)?;
                let offset = (address - start) as usize;
                region.store(offset, kind.size(), value, by)?;
                self.touch(start, address, kind.size(), true);
                Ok(())
            }
        }
    }

    /// Widens the span of an allocation that the launch reads or writes.
    #[inline]
    fn touch(&mut self, start: u64, address: u64, len: usize, write: bool) {
        let end = address + len as u64;
        let spans = self.spans.entry(start).or_default();
        let span = spans[usize::from(write)].get_or_insert(Span {
            start: address,
            end,
            write,
        });
        span.start = span.start.min(address);
        span.end = span.end.max(end);
    }
}
