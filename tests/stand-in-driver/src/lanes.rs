//! The instructions that lanes of a warp run together: shuffles, votes, reductions, barriers of lanes,
//! products of matrices.
//!
//! A lane that reaches such an instruction waits until all lanes in the instruction's mask are there.
//! Only a barrier orders accesses to memory.

use crate::arithmetic::compute;
use crate::instruction::{Collective, Operand, Operation, Order, Product, Shuffle, Vote};
use crate::machine::{Fault, Machine};
use crate::order::{LANES, lanes_of, meet_in_warp};
use crate::warp::{State, Values, Warp};

impl Machine<'_> {
    /// Lanes reach an instruction that waits for others. Runs it for those that are complete and moves
    /// them on. Returns the lanes of `active` that passed.
    pub(crate) fn meet(
        &mut self,
        warp: &mut Warp,
        active: u32,
        place: usize,
        operation: &Operation,
    ) -> Result<u32, Fault> {
        match operation {
            Operation::Barrier(id, count) => {
                for lane in lanes_of(active) {
                    let id = self.source(warp, *id).at(lane) as u32;
                    let count = count.map_or(0, |count| self.source(warp, count).at(lane) as u32);
                    warp.states[lane] = State::AtBarrier(id, count);
                }
                Ok(0)
            }
            Operation::BarrierReduce(..) => {
                warp.go(active, place, State::AtBarrier(0, 0));
                Ok(0)
            }
            Operation::Load(of, into, Order::Flag(acquires, far)) => {
                self.poll(warp, active, place, (of, into[0]), [*acquires, *far])
            }
            Operation::PhaseTry(test) => self.phase_try(warp, active, place, test),
            Operation::ClusterArrive(_, false) => {
                self.cluster_arrive(warp, active, operation)?;
                warp.go(active, place + 1, State::Ready);
                Ok(active)
            }
            Operation::ClusterWait(_, false) => self.cluster_wait(warp, active, place),
            _ => self.complete(warp, active, place, operation),
        }
    }

    fn complete(
        &mut self,
        warp: &mut Warp,
        active: u32,
        place: usize,
        operation: &Operation,
    ) -> Result<u32, Fault> {
        let here = lanes_of(warp.lanes_in(State::AtCollective))
            .filter(|&lane| warp.places[lane] == place)
            .fold(active, |mask, lane| mask | 1 << lane);
        warp.go(active, place, State::AtCollective);
        let mut left = here;
        let mut passed = 0;
        while left != 0 {
            let first = left.trailing_zeros() as usize;
            let mask = self.mask(warp, operation, first)?;
            let same = lanes_of(left)
                .filter(|&lane| self.mask(warp, operation, lane) == Ok(mask))
                .fold(0, |same, lane| same | 1 << lane);
            left &= !same;
            if let Some(lane) = lanes_of(same & !mask).next() {
                return Err((lane, format!("a lane outside of its own mask {mask:#010x}")));
            }
            let named = mask & warp.present;
            if let Some(lane) = lanes_of(named & here & !same).next() {
                return Err((lane, format!("lanes with other masks than {mask:#010x}")));
            }
            if let Some(lane) = lanes_of(named).find(|&lane| warp.states[lane] == State::Ended) {
                return Err((first, format!("lane {lane} in mask {mask:#010x} has ended")));
            }
            if same == named {
                passed |= self.together(warp, same, place, operation)?;
            }
        }
        Ok(passed & active)
    }

    /// The lanes that a lane waits for.
    fn mask(&self, warp: &Warp, operation: &Operation, lane: usize) -> Result<u32, Fault> {
        let operand = match operation {
            Operation::Collective(collective) => match collective {
                Collective::Shuffle(_, _, _, [.., mask])
                | Collective::Vote(.., mask)
                | Collective::Reduce(.., [_, mask])
                | Collective::Match(.., [_, mask])
                | Collective::Barrier(mask) => *mask,
                Collective::Product(_) => {
                    if warp.present != u32::MAX {
                        let what = "a product of matrices in part of a warp".to_owned();
                        return Err((lane, what));
                    }
                    Operand::Value(u64::from(u32::MAX))
                }
            },
            _ => Operand::Value(u64::from(warp.live())),
        };
        Ok(self.source(warp, operand).at(lane) as u32)
    }

    /// Runs an instruction for lanes that are all there. Returns those that passed.
    fn together(
        &mut self,
        warp: &mut Warp,
        lanes: u32,
        place: usize,
        operation: &Operation,
    ) -> Result<u32, Fault> {
        match operation {
            Operation::ClusterArrive(..) => self.cluster_arrive(warp, lanes, operation)?,
            Operation::ClusterWait(..) => return self.cluster_wait(warp, lanes, place),
            Operation::Collective(collective) => self.collective(warp, lanes, collective)?,
            _ => {}
        }
        warp.go(lanes, place + 1, State::Ready);
        Ok(lanes)
    }

    fn collective(
        &self,
        warp: &mut Warp,
        lanes: u32,
        collective: &Collective,
    ) -> Result<(), Fault> {
        let first = lanes.trailing_zeros() as usize;
        match collective {
            Collective::Barrier(_) => {
                meet_in_warp(&mut warp.clocks, lanes, warp.present, warp.index);
            }
            Collective::Shuffle(mode, into, valid, operands) => {
                let (values, inside) = self.shuffled(warp, lanes, *mode, operands);
                warp.set(*into, lanes, &values);
                if let Some(valid) = valid {
                    warp.set(*valid, lanes, &inside);
                }
            }
            Collective::Vote(vote, into, predicate, negated, _) => {
                let predicate = self.source(warp, *predicate);
                let holds = lanes_of(lanes)
                    .filter(|&lane| (predicate.at(lane) != 0) != *negated)
                    .fold(0u32, |holds, lane| holds | 1 << lane);
                let result = match vote {
                    Vote::All => u64::from(holds == lanes),
                    Vote::Any => u64::from(holds != 0),
                    Vote::Uniform => u64::from(holds == lanes || holds == 0),
                    Vote::Ballot => u64::from(holds),
                };
                warp.set(*into, lanes, &[result; LANES]);
            }
            Collective::Reduce(name, kind, into, [value, _]) => {
                let value = self.source(warp, *value);
                let mut result = value.at(first);
                for lane in lanes_of(lanes & !(1 << first)) {
                    let both = [result, value.at(lane), 0, 0];
                    let combined = compute(*name, *kind, both);
                    result = combined.ok_or_else(|| (first, "a reduction".to_owned()))?;
                }
                warp.set(*into, lanes, &[result; LANES]);
            }
            Collective::Match(_, into, [value, _]) => {
                let value = self.source(warp, *value);
                let mut found = [0; LANES];
                for lane in lanes_of(lanes) {
                    let same = lanes_of(lanes).filter(|&other| value.at(other) == value.at(lane));
                    found[lane] = same.fold(0, |mask, other| mask | 1 << other);
                }
                warp.set(*into, lanes, &found);
            }
            Collective::Product(product) => self.product(warp, product),
        }
        Ok(())
    }

    /// Values of other lanes, and whether their lanes are in range. A source lane that is out of range
    /// or not in the mask leaves a lane its own value.
    fn shuffled(
        &self,
        warp: &Warp,
        lanes: u32,
        mode: Shuffle,
        operands: &[Operand; 4],
    ) -> (Values, Values) {
        let [value, step, clamp, _] = operands.map(|operand| self.source(warp, operand));
        let (mut values, mut inside) = ([0; LANES], [0; LANES]);
        for lane in lanes_of(lanes) {
            let step = (step.at(lane) & 31) as usize;
            let clamp = clamp.at(lane) as usize;
            // Bits of the lane's number that are the segment's, and the segment's last lane.
            let (segment, clamp) = (clamp >> 8 & 31, clamp & 31);
            let last = (lane & segment) | (clamp & !segment);
            let first = lane & segment;
            let (source, valid) = match mode {
                Shuffle::Index => {
                    let source = first | (step & !segment & 31);
                    (source, source <= last)
                }
                Shuffle::Up => {
                    let source = lane.wrapping_sub(step);
                    (source, lane as isize - step as isize >= last as isize)
                }
                Shuffle::Down => (lane + step, lane + step <= last),
                Shuffle::Butterfly => (lane ^ step, lane ^ step <= last),
            };
            let source = if valid && source < LANES && lanes & 1 << source != 0 {
                source
            } else {
                lane
            };
            values[lane] = value.at(source);
            inside[lane] = u64::from(valid);
        }
        (values, inside)
    }

    /// Lane `4 g + t` holds these entries:
    ///
    /// ```text
    /// A: entry i is in row g + 8 (i % 2), column t + 4 (i / 2)      (rows: 16; 8 rows have one entry)
    /// B: entry i is in row t + 4 i, column g
    /// C: entry i is in row g + 8 (i / 2), column 2 t + i % 2
    /// ```
    fn product(&self, warp: &mut Warp, product: &Product) {
        let values = |operands: &[Operand]| -> Vec<Values> {
            let sources = operands.iter().map(|&operand| self.source(warp, operand));
            let of = sources.map(|source| std::array::from_fn(|lane| source.at(lane)));
            of.collect()
        };
        let (a, b, c) = (values(&product.a), values(&product.b), values(&product.c));
        let in_a = |row: usize, column: usize| {
            let entry = row / 8 + product.rows / 8 * (column / 4);
            f64::from_bits(a[entry][4 * (row % 8) + column % 4])
        };
        let in_b = |row: usize, column: usize| f64::from_bits(b[row / 4][4 * column + row % 4]);
        for (entry, &into) in product.into.iter().enumerate() {
            let mut results = [0; LANES];
            for (lane, result) in results.iter_mut().enumerate() {
                let row = lane / 4 + 8 * (entry / 2);
                let column = 2 * (lane % 4) + entry % 2;
                let mut sum = f64::from_bits(c[entry][lane]);
                for k in 0..product.depth {
                    sum = in_a(row, k).mul_add(in_b(k, column), sum);
                }
                *result = sum.to_bits();
            }
            warp.set(into, u32::MAX, &results);
        }
    }
}
