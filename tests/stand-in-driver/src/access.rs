//! Loads, stores, atomic operations and asynchronous copies.
//!
//! Addresses of shared memory have 32 bits. The upper 8 bits are 0 for the thread's own block, or one
//! more than a block's number in the cluster. Generic addresses of shared and of local memory have a
//! mark in their upper 8 of 64 bits.

use crate::arithmetic::compute;
use crate::instruction::{Address, Atomic, Operand, Operation, Order, Place, Space, Type};
use crate::machine::{Fault, Machine};
use crate::order::lanes_of;
use crate::warp::{Copy, Warp};

const SHARED: u64 = 1 << 56;
const LOCAL: u64 = 2 << 56;
/// The bits of an address in a block's shared memory.
const OFFSET_BITS: u32 = 24;

/// The memory of an address.
#[derive(Clone, Copy)]
pub(crate) enum Spot {
    /// A parameter.
    Param(usize),
    /// The device's memory.
    Global(u64),
    /// The shared memory of a block of the cluster.
    Shared(usize, usize),
    /// The thread's own memory.
    Local(usize),
}

impl Machine<'_> {
    /// Runs an instruction that accesses memory or computes addresses.
    pub(crate) fn access(
        &mut self,
        warp: &mut Warp,
        active: u32,
        operation: &Operation,
    ) -> Result<(), Fault> {
        for lane in lanes_of(active) {
            self.access_of(warp, lane, operation)
                .map_err(|what| (lane, what))?;
        }
        Ok(())
    }

    fn access_of(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        operation: &Operation,
    ) -> Result<(), String> {
        match operation {
            Operation::Load(place, into, order) => {
                let start = self.start(warp, lane, place, into.len())?;
                for (number, &into) in into.iter().enumerate() {
                    let at = start.wrapping_add((number * place.kind.size()) as u64);
                    let spot = self.spot(warp, place.space, at)?;
                    let constant = *order == Order::Constant;
                    let value = self.load(warp, lane, spot, place.kind, [false, constant])?;
                    warp.registers[into][lane] = value;
                }
            }
            Operation::Store(place, from, order) => {
                let start = self.start(warp, lane, place, from.len())?;
                for (number, &from) in from.iter().enumerate() {
                    let at = start.wrapping_add((number * place.kind.size()) as u64);
                    let spot = self.spot(warp, place.space, at)?;
                    let value = self.source(warp, from).at(lane);
                    if let Order::Flag(releases, far) = *order {
                        self.set_flag(warp, lane, (spot, place.kind, value), [releases, far])?;
                    } else {
                        self.store(warp, lane, spot, place.kind, value, false)?;
                    }
                }
            }
            Operation::Atomic(atomic, place, into, from) => {
                let start = self.start(warp, lane, place, 1)?;
                let spot = self.spot(warp, place.space, start)?;
                let old = self.load(warp, lane, spot, place.kind, [true, false])?;
                let [first, second] = from.map(|operand| self.source(warp, operand).at(lane));
                let new = match atomic {
                    Atomic::Compute(name) => compute(*name, place.kind, [old, first, 0, 0])
                        .ok_or("an atomic operation for a type that has none")?,
                    Atomic::Exchange => first,
                    Atomic::CompareAndSwap => {
                        if old == first {
                            second
                        } else {
                            old
                        }
                    }
                };
                self.store(warp, lane, spot, place.kind, new, true)?;
                if let Some(into) = into {
                    warp.registers[*into][lane] = old;
                }
            }
            Operation::FromGeneric(space, into, from) => {
                let address = self.source(warp, *from).at(lane);
                let mark = mark(*space);
                if address >> 56 != mark >> 56 {
                    return Err(format!("address {address:#x} is in another memory"));
                }
                warp.registers[*into][lane] = address ^ mark;
            }
            Operation::ToGeneric(space, into, from) => {
                let address = self.source(warp, *from).at(lane) & 0xffff_ffff;
                warp.registers[*into][lane] = address | mark(*space);
            }
            Operation::MapShared(generic, into, [from, rank]) => {
                let address = self.source(warp, *from).at(lane);
                let rank = self.source(warp, *rank).at(lane);
                if rank >= self.blocks.len() as u64 {
                    return Err(format!(
                        "out of bounds: block {rank} of {}",
                        self.blocks.len()
                    ));
                }
                if *generic && address >> 56 != SHARED >> 56 {
                    return Err(format!("address {address:#x} is not in shared memory"));
                }
                let offset = address & ((1 << OFFSET_BITS) - 1);
                let mapped = offset | (rank + 1) << OFFSET_BITS;
                warp.registers[*into][lane] = if *generic { mapped | SHARED } else { mapped };
            }
            Operation::Copy([to, from], size, count) => {
                self.copy(warp, lane, [*to, *from], *size, *count)?;
            }
            Operation::CopyCommit => {
                let copies = &mut warp.copies[lane];
                let group = std::mem::take(&mut copies.open);
                copies.groups.push_back(group);
            }
            Operation::CopyWait(most) => self.wait_for_copies(warp, lane, *most)?,
            Operation::PhaseInit(address, count) => {
                self.phase_init(warp, lane, *address, *count)?
            }
            Operation::PhaseArrive(arrival) => self.phase_arrive(warp, lane, arrival)?,
            _ => return Err("an instruction out of place".to_owned()),
        }
        Ok(())
    }

    /// The value of an address.
    pub(crate) fn address(&self, warp: &Warp, lane: usize, address: Address) -> u64 {
        let base = self.source(warp, address.base).at(lane);
        base.wrapping_add_signed(address.offset)
    }

    /// The first address of `count` values, which are aligned together.
    pub(crate) fn start(
        &self,
        warp: &Warp,
        lane: usize,
        place: &Place,
        count: usize,
    ) -> Result<u64, String> {
        let start = self.address(warp, lane, place.address);
        let bytes = (count * place.kind.size()) as u64;
        if count > 1 && !start.is_multiple_of(bytes) {
            return Err(format!(
                "misaligned: {count} values of {bytes} bytes at {start:#x}"
            ));
        }
        Ok(start)
    }

    /// The memory of an address.
    pub(crate) fn spot(&self, warp: &Warp, space: Space, address: u64) -> Result<Spot, String> {
        Ok(match space {
            Space::Param => Spot::Param(address as usize),
            Space::Global if address >> 56 == 0 => Spot::Global(address),
            Space::Global => {
                return Err(format!("out of bounds: {address:#x} is no global address"));
            }
            Space::Local => Spot::Local(address as u32 as usize),
            Space::Shared | Space::Cluster => {
                let spot = self.shared(warp, address as u32)?;
                match spot {
                    Spot::Shared(block, _) if block != warp.block && space == Space::Shared => {
                        let what = "out of bounds: shared memory of another block as its own";
                        return Err(what.to_owned());
                    }
                    spot => spot,
                }
            }
            Space::Generic => match address >> 56 {
                0 => Spot::Global(address),
                1 => self.shared(warp, address as u32)?,
                2 => Spot::Local(address as u32 as usize),
                _ => return Err(format!("out of bounds: address {address:#x}")),
            },
        })
    }

    fn shared(&self, warp: &Warp, address: u32) -> Result<Spot, String> {
        let offset = (address & ((1 << OFFSET_BITS) - 1)) as usize;
        let block = match (address >> OFFSET_BITS).checked_sub(1) {
            None => warp.block,
            Some(rank) => rank as usize,
        };
        let Some(target) = self.blocks.get(block) else {
            return Err(format!(
                "shared memory: out of bounds: address {address:#x}"
            ));
        };
        if target.left == 0 && block != warp.block {
            return Err(format!(
                "shared memory of block {block} of the cluster, which has ended"
            ));
        }
        Ok(Spot::Shared(block, offset))
    }

    /// Loads a value; flags: whether the load is atomic, whether the launch must not write the bytes.
    pub(crate) fn load(
        &mut self,
        warp: &Warp,
        lane: usize,
        spot: Spot,
        kind: Type,
        [atomic, constant]: [bool; 2],
    ) -> Result<u64, String> {
        let size = kind.size();
        let value = match spot {
            Spot::Param(start) => {
                let bytes = self.launch.arguments.get(start..start + size);
                let mut value = [0; 8];
                value[..size].copy_from_slice(bytes.ok_or("a parameter out of bounds")?);
                u64::from_le_bytes(value)
            }
            Spot::Shared(block, offset) => {
                let by = self.by(warp, lane, atomic);
                let loaded = self.blocks[block].shared.load(offset, size, &by);
                loaded.map_err(|what| format!("shared memory: {what}"))?
            }
            Spot::Global(address) => {
                let by = self.by(warp, lane, atomic);
                let (start, region) = self.memory.around(address)?;
                let offset = (address - start) as usize;
                if constant {
                    region.load_constant(offset, size, &by)?
                } else {
                    region.load(offset, size, &by)?
                }
            }
            Spot::Local(offset) => {
                let local = &warp.local[lane];
                if offset + size > local.bytes.len() || !offset.is_multiple_of(size) {
                    return Err(format!(
                        "local memory: out of bounds or misaligned at {offset}"
                    ));
                }
                if local.written[offset..offset + size].contains(&false) {
                    return Err(format!(
                        "local memory: read of bytes never written, at {offset}"
                    ));
                }
                let mut value = [0; 8];
                value[..size].copy_from_slice(&local.bytes[offset..offset + size]);
                u64::from_le_bytes(value)
            }
        };
        Ok(extended(kind, value))
    }

    /// Stores a value.
    pub(crate) fn store(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        spot: Spot,
        kind: Type,
        value: u64,
        atomic: bool,
    ) -> Result<(), String> {
        let size = kind.size();
        self.changes += 1;
        match spot {
            Spot::Param(_) => Err("a store to a parameter".to_owned()),
            Spot::Shared(block, offset) => {
                let by = self.by(warp, lane, atomic);
                let stored = self.blocks[block].shared.store(offset, size, value, &by);
                stored.map_err(|what| format!("shared memory: {what}"))
            }
            Spot::Global(address) => {
                let by = self.by(warp, lane, atomic);
                let (start, region) = self.memory.around(address)?;
                region.store((address - start) as usize, size, value, &by)
            }
            Spot::Local(offset) => {
                let local = &mut warp.local[lane];
                if offset + size > local.bytes.len() || !offset.is_multiple_of(size) {
                    return Err(format!(
                        "local memory: out of bounds or misaligned at {offset}"
                    ));
                }
                local.bytes[offset..offset + size].copy_from_slice(&value.to_le_bytes()[..size]);
                local.written[offset..offset + size].fill(true);
                Ok(())
            }
        }
    }

    /// Starts an asynchronous copy. It reads its source now and writes its target when the thread
    /// waits for it: hardware does both at any time between.
    fn copy(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        [to, from]: [Address; 2],
        size: usize,
        count: Option<Operand>,
    ) -> Result<(), String> {
        let count = count.map_or(size, |count| self.source(warp, count).at(lane) as usize);
        if count > size {
            return Err(format!("an asynchronous copy of {count} of {size} bytes"));
        }
        let (to, from) = (self.address(warp, lane, to), self.address(warp, lane, from));
        let Spot::Shared(block, offset) = self.spot(warp, Space::Shared, to)? else {
            return Err("an asynchronous copy to another memory".to_owned());
        };
        if !from.is_multiple_of(size as u64) {
            return Err(format!(
                "misaligned: an asynchronous copy of {size} bytes from {from:#x}"
            ));
        }
        let mut bytes = vec![0; size];
        let mut done = 0;
        while done < count {
            // The source has the width of the copy, so that its bytes divide into such pieces.
            let piece = [8, 4, 2, 1].into_iter().find(|&piece| {
                done + piece <= count && (from + done as u64).is_multiple_of(piece as u64)
            });
            let piece = piece.unwrap_or(1);
            let spot = self.spot(warp, Space::Global, from + done as u64)?;
            let value = self.load(warp, lane, spot, Type::U(piece), [false, false])?;
            bytes[done..done + piece].copy_from_slice(&value.to_le_bytes()[..piece]);
            done += piece;
        }
        let by = self.by(warp, lane, false);
        let started = self.blocks[block].shared.start_copy(offset, size, &by);
        started.map_err(|what| format!("shared memory: {what}"))?;
        warp.copies[lane].open.push(Copy { offset, bytes });
        Ok(())
    }

    /// Delivers asynchronous copies until at most so many groups are in flight; all if `None`.
    fn wait_for_copies(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        most: Option<usize>,
    ) -> Result<(), String> {
        let mut ready: Vec<Copy> = Vec::new();
        let copies = &mut warp.copies[lane];
        while copies.groups.len() > most.unwrap_or(0) {
            ready.extend(copies.groups.pop_front().unwrap_or_default());
        }
        if most.is_none() {
            ready.append(&mut copies.open);
        }
        for copy in ready {
            let by = self.by(warp, lane, false);
            let shared = &mut self.blocks[warp.block].shared;
            let ended = shared.end_copy(copy.offset, &copy.bytes, &by);
            ended.map_err(|what| format!("shared memory: {what}"))?;
        }
        Ok(())
    }
}

/// The mark of generic addresses of a memory.
fn mark(space: Space) -> u64 {
    if space == Space::Local { LOCAL } else { SHARED }
}

/// A register takes a loaded value with its sign, as `ld` extends it.
fn extended(kind: Type, value: u64) -> u64 {
    match kind {
        Type::S(1) => i64::from(value as i8) as u64 & 0xffff_ffff,
        Type::S(2) => i64::from(value as i16) as u64 & 0xffff_ffff,
        _ => value,
    }
}
