//! Small kernels in PTX, with one argument for results and one for data.

use stand_in_driver::allocations::Memory;
use stand_in_driver::approximate::Error;
use stand_in_driver::instruction::Kernel;
use stand_in_driver::launch::{Launch, Schedule, run};
use stand_in_driver::ptx::parse;

/// The three schedules.
pub(crate) const SCHEDULES: [Schedule; 3] = [
    Schedule::Forward,
    Schedule::Backward,
    Schedule::Shuffled(12345),
];

/// A small kernel and its launch.
#[derive(Clone)]
pub(crate) struct Small {
    /// The instructions. `%rd1` is the address of the results, `%rd2` of the data, `%r1` the thread in
    /// its block, `%r2` the block, `%rd3` the address of the thread's result of 4 bytes, counted over
    /// all blocks. `room` are 4096 bytes of shared memory.
    pub(crate) body: String,
    pub(crate) blocks: u32,
    pub(crate) threads: u32,
    /// Blocks of a cluster; 0 for none.
    pub(crate) cluster: u32,
    /// The data.
    pub(crate) data: Vec<u8>,
    pub(crate) error: u64,
}

impl Small {
    /// One block of threads without data.
    pub(crate) fn new(threads: u32, body: &str) -> Self {
        Self {
            body: body.to_owned(),
            blocks: 1,
            threads,
            cluster: 0,
            data: vec![0; 16],
            error: 0,
        }
    }

    pub(crate) fn with_data<T, const N: usize>(
        mut self,
        data: &[T],
        bytes: fn(&T) -> [u8; N],
    ) -> Self {
        self.data = data.iter().flat_map(bytes).collect();
        self
    }

    /// The same kernel with a part of its text replaced.
    pub(crate) fn mutant(&self, from: &str, to: &str) -> Self {
        assert!(self.body.contains(from), "{from}");
        Self {
            body: self.body.replacen(from, to, 1),
            ..self.clone()
        }
    }

    pub(crate) fn kernel(&self) -> Kernel {
        let cluster = match self.cluster {
            0 => String::new(),
            blocks => format!(".explicitcluster\n.reqnctapercluster {blocks}, 1, 1\n"),
        };
        let text = format!(
            ".version 7.8\n.target sm_90\n.address_size 64\n.visible .entry small(\n\
             .param .u64 small_param_0,\n.param .u64 small_param_1\n)\n{cluster}{{\n\
             .reg .pred %p<8>;\n.reg .b32 %r<40>;\n.reg .f32 %f<8>;\n.reg .b64 %rd<20>;\n\
             .reg .f64 %fd<40>;\n.shared .align 16 .b8 room[4096];\n\
             ld.param.u64 %rd1, [small_param_0];\nld.param.u64 %rd2, [small_param_1];\n\
             mov.u32 %r1, %tid.x;\nmov.u32 %r2, %ctaid.x;\nmov.u32 %r39, %ntid.x;\n\
             mad.lo.s32 %r39, %r2, %r39, %r1;\nmul.wide.u32 %rd3, %r39, 4;\n\
             add.s64 %rd3, %rd1, %rd3;\n{}\nret;\n}}\n",
            self.body
        );
        let mut module = parse(&text).unwrap();
        module.kernels.remove("small").unwrap()
    }

    /// The first `count` results of 4 bytes, or the fault.
    pub(crate) fn run(&self, schedule: Schedule, count: usize) -> Result<Vec<u32>, String> {
        let kernel = self.kernel();
        let mut memory = Memory::default();
        let len = 4 * count.max((self.blocks * self.threads) as usize);
        let results = memory.allocate(len).unwrap();
        let data = memory.allocate(self.data.len()).unwrap();
        memory.span(data, 1).unwrap().1.fill_in(0, &self.data);
        let launch = Launch {
            kernel: &kernel,
            blocks: [self.blocks, 1, 1],
            threads: [self.threads, 1, 1],
            dynamic_bytes: 0,
            arguments: [results, data]
                .into_iter()
                .flat_map(u64::to_le_bytes)
                .collect(),
            number: 1,
            schedule,
            error: Error(self.error),
        };
        run(&launch, &mut memory)?;
        let (_, region) = memory.span(results, len).unwrap();
        let bytes = region.bytes(0, 4 * count).chunks(4);
        Ok(bytes
            .map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
            .collect())
    }

    /// Checks the results of all threads in the three schedules.
    pub(crate) fn gives(&self, expected: &[u32]) {
        for schedule in SCHEDULES {
            let found = self.run(schedule, expected.len()).unwrap();
            assert_eq!(found, expected, "{schedule:?}\n{}", self.body);
        }
    }

    /// Checks that the kernel has a fault with one of these words in the three schedules.
    pub(crate) fn fails(&self, words: &[&str]) {
        for schedule in SCHEDULES {
            let found = self.run(schedule, 0);
            let what = found.expect_err(&self.body);
            assert!(
                words.iter().any(|word| what.contains(word)),
                "{schedule:?}: {what}"
            );
        }
    }
}

/// The doubles in results of 4 bytes.
pub(crate) fn reals(results: &[u32]) -> Vec<f64> {
    let pairs = results.chunks(2);
    pairs
        .map(|pair| f64::from_bits(u64::from(pair[0]) | u64::from(pair[1]) << 32))
        .collect()
}
