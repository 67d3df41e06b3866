//! The instructions that a thread runs without others: arithmetic, loads and stores.

use crate::approximate;
use crate::arithmetic::{compare, compute, convert};
use crate::instruction::{Name, Operand, Operation, Type};
use crate::machine::{Fault, Machine};
use crate::order::{LANES, lanes_of};
use crate::warp::{Source, Values, Warp};

impl Machine<'_> {
    /// Runs one instruction in the lanes of `active`.
    #[inline]
    pub(crate) fn step(
        &mut self,
        warp: &mut Warp,
        active: u32,
        operation: &Operation,
    ) -> Result<(), Fault> {
        let first = active.trailing_zeros() as usize;
        let unknown = || (first, "an instruction for a type that has none".to_owned());
        match operation {
            Operation::Compute(name, kind, into, from) => {
                let values = self.computed(warp, active, *name, *kind, from);
                warp.set(*into, active, &values.ok_or_else(unknown)?);
            }
            Operation::Move(into, from) => {
                let from = self.source(warp, *from);
                let values = values_in(active, |lane| from.at(lane));
                warp.set(*into, active, &values);
            }
            Operation::Pack(into, [low, high]) => {
                let [low, high] = [self.source(warp, *low), self.source(warp, *high)];
                let packed = |lane| low.at(lane) & 0xffff_ffff | high.at(lane) << 32;
                let values = values_in(active, packed);
                warp.set(*into, active, &values);
            }
            Operation::Unpack([low, high], from) => {
                let from = self.source(warp, *from);
                let below = values_in(active, |lane| from.at(lane) & 0xffff_ffff);
                let above = values_in(active, |lane| from.at(lane) >> 32);
                warp.set(*low, active, &below);
                warp.set(*high, active, &above);
            }
            Operation::Compare(how, kind, into, [a, b]) => {
                let [a, b] = [self.source(warp, *a), self.source(warp, *b)];
                let mut values = [0; LANES];
                for lane in lanes_of(active) {
                    let holds = compare(*how, *kind, a.at(lane), b.at(lane));
                    values[lane] = u64::from(holds.ok_or_else(unknown)?);
                }
                warp.set(*into, active, &values);
            }
            Operation::Convert(rounding, to, from, into, value) => {
                let value = self.source(warp, *value);
                let mut values = [0; LANES];
                for lane in lanes_of(active) {
                    let converted = convert(rounding, *to, *from, value.at(lane));
                    values[lane] = converted.ok_or_else(unknown)?;
                }
                warp.set(*into, active, &values);
            }
            Operation::ActiveMask(into) => {
                warp.set(*into, active, &[u64::from(active); LANES]);
            }
            Operation::Trap => return Err((first, "a trap".to_owned())),
            Operation::Fence => {}
            _ => self.access(warp, active, operation)?,
        }
        Ok(())
    }

    /// The result of an arithmetic instruction.
    #[inline]
    fn computed(
        &self,
        warp: &Warp,
        active: u32,
        name: Name,
        kind: Type,
        from: &[Operand; 4],
    ) -> Option<Values> {
        let [a, b, c, d] = from.map(|operand| self.source(warp, operand));
        let error = self.launch.error;
        // The most frequent instructions, without a decision in each lane.
        let real = |source: &Source<'_>, lane: usize| f64::from_bits(source.at(lane));
        let common = match (name, kind) {
            (Name::Fma, Type::F64) => Some(values_in(active, |lane| {
                let product = real(&a, lane).mul_add(real(&b, lane), real(&c, lane));
                product.to_bits()
            })),
            (Name::Mul, Type::F64) => Some(values_in(active, |lane| {
                (real(&a, lane) * real(&b, lane)).to_bits()
            })),
            (Name::Add, Type::F64) => Some(values_in(active, |lane| {
                (real(&a, lane) + real(&b, lane)).to_bits()
            })),
            _ => None,
        };
        if common.is_some() {
            return common;
        }
        let mut values = [0; LANES];
        for lane in lanes_of(active) {
            let single = f32::from_bits(a.at(lane) as u32);
            values[lane] = match (name, kind) {
                (Name::RsqrtApproximate, Type::F32) => {
                    u64::from(approximate::rsqrt_f32(single, error).to_bits())
                }
                (Name::RcpApproximate, Type::F32) => {
                    u64::from(approximate::rcp_f32(single, error).to_bits())
                }
                (Name::RsqrtApproximate, Type::F64) => {
                    approximate::rsqrt_f64(f64::from_bits(a.at(lane)), error).to_bits()
                }
                _ => compute(name, kind, [a.at(lane), b.at(lane), c.at(lane), d.at(lane)])?,
            };
        }
        Some(values)
    }
}

/// A value for each lane in `active`.
#[inline]
fn values_in(active: u32, of: impl Fn(usize) -> u64) -> Values {
    if active == u32::MAX {
        return std::array::from_fn(of);
    }
    let mut values = [0; LANES];
    for lane in lanes_of(active) {
        values[lane] = of(lane);
    }
    values
}
