//! Flags: words that one thread writes and others read until they change.
//!
//! A store that releases leaves at the flag what its thread knows. A load that acquires takes it over,
//! if both reach each other's block. A thread that reads the same value again runs on in the next turn,
//! so that the thread that sets the flag runs too.

use crate::access::Spot;
use crate::instruction::{Place, Type};
use crate::machine::{Fault, Machine};
use crate::order::{Known, LANES, acquire, lanes_of};
use crate::warp::{State, Warp};

/// What is known to threads that see the value of a flag.
pub(crate) struct Flag {
    known: Known,
    /// The block of the thread that set it.
    block: usize,
    /// Whether the order extends to other blocks.
    far: bool,
}

/// The memory of a flag, and its address.
fn key(spot: Spot) -> Option<(usize, u64)> {
    match spot {
        Spot::Shared(block, offset) => Some((block, offset as u64)),
        Spot::Global(address) => Some((usize::MAX, address)),
        _ => None,
    }
}

impl Machine<'_> {
    /// A lane sets a flag; whether it releases, whether to other blocks.
    pub(crate) fn set_flag(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        (spot, kind, value): (Spot, Type, u64),
        [releases, far]: [bool; 2],
    ) -> Result<(), String> {
        self.store(warp, lane, spot, kind, value, true)?;
        let Some(key) = key(spot) else {
            return Ok(());
        };
        if !releases {
            self.flags.remove(&key);
            return Ok(());
        }
        let warps = self.blocks.len() * self.threads().div_ceil(LANES);
        let mut known = Known::nothing(warps);
        let thread = warp.thread(lane);
        warp.clocks[lane].release(thread, &mut known);
        let block = warp.block;
        self.flags.insert(key, Flag { known, block, far });
        Ok(())
    }

    /// Lanes read a flag. Returns those that run on in this turn.
    pub(crate) fn poll(
        &mut self,
        warp: &mut Warp,
        active: u32,
        place: usize,
        (of, into): (&Place, usize),
        [acquires, far]: [bool; 2],
    ) -> Result<u32, Fault> {
        let mut passed = 0;
        for lane in lanes_of(active) {
            let read = |machine: &mut Self| {
                let start = machine.start(warp, lane, of, 1)?;
                let spot = machine.spot(warp, of.space, start)?;
                let value = machine.load(warp, lane, spot, of.kind, [true, false])?;
                Ok((spot, value))
            };
            let (spot, value) = read(self).map_err(|what: String| (lane, what))?;
            warp.registers[into][lane] = value;
            let flag = key(spot).and_then(|key| self.flags.get(&key));
            if let Some(flag) = flag
                && acquires
                && (flag.block == warp.block || (flag.far && far))
            {
                acquire(&mut warp.clocks, 1 << lane, warp.index, &flag.known);
            }
            let again = warp.polled[lane] == (place, value);
            warp.polled[lane] = (place, value);
            let state = if again { State::Polling } else { State::Ready };
            warp.go(1 << lane, place + 1, state);
            passed |= u32::from(!again) << lane;
        }
        Ok(passed)
    }
}
