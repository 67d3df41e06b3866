//! Barriers in shared memory (`mbarrier`), which count arrivals of threads in phases.

use crate::access::Spot;
use crate::instruction::{Address, Arrival, Operand, PhaseTry, Space, Type};
use crate::machine::{Fault, Machine};
use crate::order::{Known, LANES, acquire, lanes_of};
use crate::warp::{State, Warp};

/// A barrier in shared memory. Threads arrive; when enough have arrived, the phase completes and the
/// next one begins.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    /// Arrivals of a phase, and those that are still missing.
    count: u32,
    missing: u32,
    /// The parity of the phase that runs.
    parity: bool,
    /// What the arriving threads of the own block know, and of other blocks: in this phase, and in
    /// completed ones.
    gathering: [Known; 2],
    completed: [Known; 2],
}

impl Phase {
    /// Whether the phase of this parity has completed.
    pub(crate) fn has_passed(&self, parity: bool) -> bool {
        self.parity != parity
    }
}

impl Machine<'_> {
    /// The place of a barrier in shared memory, after an access to it that is checked for races.
    fn phase_at(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        space: Space,
        address: Address,
    ) -> Result<(usize, usize), String> {
        let address = self.address(warp, lane, address);
        match self.spot(warp, space, address)? {
            spot @ Spot::Shared(block, offset) => {
                let kind = Type::U(8);
                if !self.blocks[block].phases.contains_key(&offset) {
                    return Err(format!(
                        "no barrier was set up in shared memory at {offset}"
                    ));
                }
                let bits = self.load(warp, lane, spot, kind, [true, false])?;
                self.store(warp, lane, spot, kind, bits, true)?;
                Ok((block, offset))
            }
            _ => Err("a barrier outside of shared memory".to_owned()),
        }
    }

    /// Sets up a barrier in shared memory.
    pub(crate) fn phase_init(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        address: Address,
        count: Operand,
    ) -> Result<(), String> {
        let address = self.address(warp, lane, address);
        let count = self.source(warp, count).at(lane) as u32;
        let Spot::Shared(block, offset) = self.spot(warp, Space::Shared, address)? else {
            return Err("a barrier outside of shared memory".to_owned());
        };
        if count == 0 {
            return Err("a barrier for no arrivals".to_owned());
        }
        let spot = Spot::Shared(block, offset);
        self.store(warp, lane, spot, Type::U(8), u64::from(count), false)?;
        let nothing = Known::nothing(self.blocks.len() * self.threads().div_ceil(LANES));
        let nothing = || [nothing.clone(), nothing.clone()];
        let phase = Phase {
            count,
            missing: count,
            parity: false,
            gathering: nothing(),
            completed: nothing(),
        };
        self.blocks[block].phases.insert(offset, phase);
        Ok(())
    }

    /// A lane arrives at a barrier in shared memory.
    pub(crate) fn phase_arrive(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        arrival: &Arrival,
    ) -> Result<(), String> {
        let count = self.source(warp, arrival.count).at(lane) as u32;
        let (block, offset) = self.phase_at(warp, lane, arrival.space, arrival.address)?;
        let far = block != warp.block;
        let thread = warp.thread(lane);
        let Some(phase) = self.blocks[block].phases.get_mut(&offset) else {
            return Ok(());
        };
        if count > phase.missing {
            return Err(format!("{count} arrivals, {} are missing", phase.missing));
        }
        // An arrival from another block orders accesses only if its scope is the cluster.
        if !far || arrival.far {
            let into = &mut phase.gathering[usize::from(far)];
            warp.clocks[lane].release(thread, into);
        }
        phase.missing -= count;
        if phase.missing == 0 {
            phase.missing = phase.count;
            phase.parity = !phase.parity;
            let threads = self.launch.threads.iter().product::<u32>() as usize;
            let warps = threads.div_ceil(LANES);
            let lanes = |warp: usize| match threads - warp % warps * LANES {
                lanes @ 1..LANES => (1 << lanes) - 1,
                _ => u32::MAX,
            };
            for (known, now) in phase.completed.iter_mut().zip(&phase.gathering) {
                known.join(now);
                known.tidy(lanes);
            }
        }
        Ok(())
    }

    /// Lanes test a barrier in shared memory. The first test of a lane fails, as if it came before the
    /// last arrival: a kernel must repeat it. A further test waits. Returns the lanes that go on.
    pub(crate) fn phase_try(
        &mut self,
        warp: &mut Warp,
        lanes: u32,
        place: usize,
        test: &PhaseTry,
    ) -> Result<u32, Fault> {
        let mut passed = 0;
        for lane in lanes_of(lanes) {
            let parity = self.source(warp, test.parity).at(lane) & 1 != 0;
            let at = self.phase_at(warp, lane, Space::Shared, test.address);
            let (block, offset) = at.map_err(|what| (lane, what))?;
            let phase = &self.blocks[block].phases[&offset];
            let done = phase.has_passed(parity);
            let first = warp.tested & 1 << lane == 0;
            if !done && !first {
                warp.go(1 << lane, place, State::AtPhase(offset, parity));
                continue;
            }
            warp.tested ^= 1 << lane;
            let done = done && !first;
            if done {
                acquire(&mut warp.clocks, 1 << lane, warp.index, &phase.completed[0]);
                if test.far {
                    acquire(&mut warp.clocks, 1 << lane, warp.index, &phase.completed[1]);
                }
            }
            warp.registers[test.into][lane] = u64::from(done);
            passed |= 1 << lane;
        }
        warp.go(passed, place + 1, State::Ready);
        Ok(passed)
    }
}
