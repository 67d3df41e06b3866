//! Reads the instructions of several threads: shuffles, votes, barriers, products, asynchronous copies.

use crate::instruction::{
    Arrival, Collective, Name, Operand, Operation, PhaseTry, Product, Reduction, Shuffle, Space,
    Type, Vote,
};
use crate::operations::Text;

const WORD: Type = Type::U(4);

/// The instruction, if it is one of several threads.
///
/// # Errors
/// An unknown form of such an instruction.
pub fn read(text: &Text<'_>) -> Result<Option<Operation>, String> {
    let parts = &text.parts[..];
    Ok(Some(match parts {
        ["shfl", "sync", mode, "b32"] => shuffle(text, mode)?,
        ["vote", "sync", mode, _] => vote(text, mode)?,
        ["redux", "sync", name, _] => {
            let names = [
                ("add", Name::Add),
                ("min", Name::Min),
                ("max", Name::Max),
                ("and", Name::And),
                ("or", Name::Or),
                ("xor", Name::Xor),
            ];
            let found = names.iter().find(|(known, _)| known == name);
            let (_, name) = found.ok_or("an unknown reduction")?;
            let kind = text.kind()?;
            let from = [text.operand(1, kind)?, text.operand(2, WORD)?];
            Operation::Collective(Collective::Reduce(*name, kind, text.register(0)?, from))
        }
        ["match", "any", "sync", _] => {
            let kind = text.kind()?;
            let from = [text.operand(1, kind)?, text.operand(2, WORD)?];
            Operation::Collective(Collective::Match(kind, text.register(0)?, from))
        }
        ["bar", "warp", "sync"] => {
            Operation::Collective(Collective::Barrier(text.operand(0, WORD)?))
        }
        [
            "mma",
            "sync",
            "aligned",
            shape,
            "row",
            "col",
            "f64",
            "f64",
            "f64",
            "f64",
        ] => product(text, shape)?,
        ["bar" | "barrier", "red", ..] | ["bar" | "barrier", "cta", "red", ..] => reduction(text)?,
        ["bar" | "barrier"]
        | ["bar" | "barrier", "sync", ..]
        | ["bar" | "barrier", "cta", "sync", ..] => {
            let count = match text.operands {
                [_, _] => Some(text.operand(1, WORD)?),
                _ => None,
            };
            Operation::Barrier(text.operand(0, WORD)?, count)
        }
        ["barrier", "cluster", "arrive", rest @ ..] => {
            Operation::ClusterArrive(!rest.contains(&"relaxed"), rest.contains(&"aligned"))
        }
        ["barrier", "cluster", "wait", rest @ ..] => {
            Operation::ClusterWait(true, rest.contains(&"aligned"))
        }
        ["cp", "async", "commit_group"] => Operation::CopyCommit,
        ["cp", "async", "wait_all"] => Operation::CopyWait(None),
        ["cp", "async", "wait_group"] => {
            let count = text.at(0)?.parse().map_err(|_| "a number of groups")?;
            Operation::CopyWait(Some(count))
        }
        ["cp", "async", "ca" | "cg", rest @ ..] => copy(text, rest)?,
        ["mbarrier", rest @ ..] => phase(text, rest)?,
        _ => return Ok(None),
    }))
}

fn shuffle(text: &Text<'_>, mode: &str) -> Result<Operation, String> {
    let modes = [
        ("idx", Shuffle::Index),
        ("up", Shuffle::Up),
        ("down", Shuffle::Down),
        ("bfly", Shuffle::Butterfly),
    ];
    let found = modes.iter().find(|(name, _)| *name == mode);
    let (_, mode) = found.ok_or("an unknown shuffle")?;
    let (into, valid) = match text.at(0)?.split_once('|') {
        Some((into, valid)) => (into, Some(text.names.register(valid)?)),
        None => (text.at(0)?, None),
    };
    let mut from = [Operand::Value(0); 4];
    for (place, slot) in from.iter_mut().enumerate() {
        *slot = text.operand(place + 1, WORD)?;
    }
    let into = text.names.register(into)?;
    Ok(Operation::Collective(Collective::Shuffle(
        *mode, into, valid, from,
    )))
}

fn vote(text: &Text<'_>, mode: &str) -> Result<Operation, String> {
    let modes = [
        ("all", Vote::All),
        ("any", Vote::Any),
        ("uni", Vote::Uniform),
        ("ballot", Vote::Ballot),
    ];
    let found = modes.iter().find(|(name, _)| *name == mode);
    let (_, mode) = found.ok_or("an unknown vote")?;
    let (predicate, negated) = predicate(text, 1)?;
    let mask = text.operand(2, WORD)?;
    let into = text.register(0)?;
    Ok(Operation::Collective(Collective::Vote(
        *mode, into, predicate, negated, mask,
    )))
}

/// An operand that is a predicate, and whether it is negated.
fn predicate(text: &Text<'_>, place: usize) -> Result<(Operand, bool), String> {
    let name = text.at(place)?;
    let operand = text
        .names
        .operand(name.trim_start_matches('!'), Type::Pred)?;
    Ok((operand, name.starts_with('!')))
}

fn product(text: &Text<'_>, shape: &str) -> Result<Operation, String> {
    let (rows, depth) = match shape {
        "m8n8k4" => (8, 4),
        "m16n8k4" => (16, 4),
        "m16n8k8" => (16, 8),
        "m16n8k16" => (16, 16),
        _ => return Err("an unknown shape of matrices".to_owned()),
    };
    let product = Product {
        rows,
        depth,
        into: text.registers(0)?,
        a: text.operand_list(1, Type::F64)?,
        b: text.operand_list(2, Type::F64)?,
        c: text.operand_list(3, Type::F64)?,
    };
    let [result, left, right] = [rows / 4, rows * depth / 32, depth / 4];
    if product.into.len() != result
        || product.c.len() != result
        || product.a.len() != left
        || product.b.len() != right
    {
        return Err("a wrong number of matrix entries".to_owned());
    }
    Ok(Operation::Collective(Collective::Product(Box::new(
        product,
    ))))
}

/// `bar.red.popc.u32 d, 0, p;`
fn reduction(text: &Text<'_>) -> Result<Operation, String> {
    let modes = [
        ("popc", Reduction::Count),
        ("and", Reduction::All),
        ("or", Reduction::Any),
    ];
    let found = modes.iter().find(|(name, _)| text.has(name));
    let (_, mode) = found.ok_or("an unknown reduction")?;
    if text.operands.len() != 3 || text.at(1)? != "0" {
        return Err("a reduction over barrier 0 and the whole block is expected".to_owned());
    }
    let (predicate, negated) = predicate(text, 2)?;
    Ok(Operation::BarrierReduce(
        *mode,
        text.register(0)?,
        predicate,
        negated,
    ))
}

/// `cp.async.cg.shared.global [to], [from], 16, count;`
fn copy(text: &Text<'_>, rest: &[&str]) -> Result<Operation, String> {
    let known = |part: &&str| {
        matches!(*part, "shared" | "shared::cta" | "global") || part.starts_with("L2::")
    };
    if !rest.iter().all(known) {
        return Err("an unknown asynchronous copy".to_owned());
    }
    let size: usize = text.at(2)?.parse().map_err(|_| "a number of bytes")?;
    let sizes: &[usize] = if text.has("cg") { &[16] } else { &[4, 8, 16] };
    if !sizes.contains(&size) {
        return Err(format!("an asynchronous copy of {size} bytes"));
    }
    let count = match text.operands {
        [_, _, _, _] => Some(text.operand(3, WORD)?),
        _ => None,
    };
    let addresses = [text.address(0)?, text.address(1)?];
    Ok(Operation::Copy(addresses, size, count))
}

/// The barriers in shared memory.
fn phase(text: &Text<'_>, rest: &[&str]) -> Result<Operation, String> {
    let far = rest.contains(&"cluster");
    Ok(match rest[0] {
        "init" => Operation::PhaseInit(text.address(0)?, text.operand(1, WORD)?),
        "arrive" if !rest.contains(&"expect_tx") && !rest.contains(&"noComplete") => {
            let count = match text.operands {
                [_, _, _] => text.operand(2, WORD)?,
                _ => Operand::Value(1),
            };
            let space = if rest.contains(&"shared::cluster") {
                Space::Cluster
            } else {
                Space::Shared
            };
            Operation::PhaseArrive(Arrival {
                space,
                address: text.address(1)?,
                far,
                count,
            })
        }
        "try_wait" | "test_wait" if rest.contains(&"parity") => Operation::PhaseTry(PhaseTry {
            into: text.register(0)?,
            address: text.address(1)?,
            parity: text.operand(2, WORD)?,
            far,
        }),
        "inval" => Operation::Fence,
        _ => return Err("an unknown operation on a barrier in shared memory".to_owned()),
    })
}
