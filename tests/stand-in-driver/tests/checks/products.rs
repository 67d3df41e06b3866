//! Products of matrices in double precision on one warp.

use super::small::{SCHEDULES, Small, reals};

/// The text that loads the entries of a matrix of a lane: `count` entries, entry `i` from row `row(i)` and
/// column `column(i)`, which are PTX expressions of `%r3` (lane / 4) and `%r4` (lane % 4).
fn load(
    first: usize,
    count: usize,
    at: impl Fn(usize) -> [(usize, usize, usize); 2],
    width: usize,
    start: usize,
) -> String {
    let mut text = String::new();
    for i in 0..count {
        // Row and column are sums `a (lane / 4) + b (lane % 4) + c`.
        let [row, column] = at(i);
        let by_group = row.0 * width + column.0;
        let by_lane = row.1 * width + column.1;
        let fixed = start + row.2 * width + column.2;
        text += &format!(
            "mul.lo.s32 %r5, %r3, {by_group};\nmad.lo.s32 %r5, %r4, {by_lane}, %r5;\n\
             add.s32 %r5, %r5, {fixed};\nmul.wide.u32 %rd4, %r5, 8;\nadd.s64 %rd4, %rd2, %rd4;\n\
             ld.global.f64 %fd{}, [%rd4];\n",
            first + i
        );
    }
    text
}

fn list(first: usize, count: usize) -> String {
    let names: Vec<String> = (first..first + count).map(|i| format!("%fd{i}")).collect();
    names.join(",")
}

/// Every shape, against the plain product, with sums by fused multiply-add in the order of the depth.
#[test]
fn products_of_every_shape() {
    for (rows, depth) in [(8, 4), (16, 4), (16, 8), (16, 16)] {
        let (count_a, count_b, count_c) = (rows * depth / 32, depth / 4, rows / 4);
        let entry = |k: usize| (k * k % 23) as f64 * 0.37 - 3.0;
        let data: Vec<f64> = (0..rows * depth + depth * 8 + rows * 8)
            .map(entry)
            .collect();
        let (b_start, c_start) = (rows * depth, rows * depth + depth * 8);
        let half = rows / 8;
        let mut body = "shr.u32 %r3, %r1, 2;\nand.b32 %r4, %r1, 3;\n".to_owned();
        body += &load(
            0,
            count_a,
            |i| [(1, 0, 8 * (i % half)), (0, 1, 4 * (i / half))],
            depth,
            0,
        );
        body += &load(8, count_b, |i| [(0, 1, 4 * i), (1, 0, 0)], 8, b_start);
        body += &load(
            12,
            count_c,
            |i| [(1, 0, 8 * (i / 2)), (0, 2, i % 2)],
            8,
            c_start,
        );
        body += &format!(
            "mma.sync.aligned.m{rows}n8k{depth}.row.col.f64.f64.f64.f64 {{{c}}},{{{a}}},{{{b}}},{{{c}}};\n",
            a = list(0, count_a),
            b = list(8, count_b),
            c = list(12, count_c)
        );
        for i in 0..count_c {
            body += &format!(
                "add.s32 %r5, %r3, {};\nshl.b32 %r5, %r5, 3;\nmad.lo.s32 %r5, %r4, 2, %r5;\n\
                 add.s32 %r5, %r5, {};\nmul.wide.u32 %rd4, %r5, 8;\nadd.s64 %rd4, %rd1, %rd4;\n\
                 st.global.f64 [%rd4], %fd{};\n",
                8 * (i / 2),
                i % 2,
                12 + i
            );
        }
        let small = Small::new(32, &body).with_data(&data, |x| x.to_le_bytes());
        for schedule in SCHEDULES {
            let found = reals(&small.run(schedule, 2 * rows * 8).unwrap());
            for row in 0..rows {
                for column in 0..8 {
                    let mut sum = data[c_start + row * 8 + column];
                    for k in 0..depth {
                        sum = data[row * depth + k].mul_add(data[b_start + k * 8 + column], sum);
                    }
                    assert_eq!(
                        found[row * 8 + column],
                        sum,
                        "{rows} {depth} {row} {column}"
                    );
                }
            }
        }
        let part = Small {
            threads: 24,
            ..small
        };
        part.fails(&["a product of matrices in part of a warp"]);
    }
}
