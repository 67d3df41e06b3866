//! The names in a group of an HDF5 file.
//!
//! The crate lists the members of a group only if it can read all of them. One virtual dataset would
//! then hide all others. This module reads the names alone. A group stores them in one of three ways:
//!
//! ```text
//! symbol table    tree ──► nodes with offsets of names ──► heap of texts
//! link messages   in the header of the group, one for each member
//! dense links     tree ──► identifiers of link messages ──► heap of link messages
//! ```

use hdf5_reader::Hdf5File;
use hdf5_reader::btree_v1::collect_btree_v1_leaves_storage;
use hdf5_reader::btree_v2::{BTreeV2Header, BTreeV2Record, collect_btree_v2_records_storage};
use hdf5_reader::error::{Error, Result};
use hdf5_reader::fractal_heap::FractalHeap;
use hdf5_reader::group::Group;
use hdf5_reader::io::Cursor;
use hdf5_reader::local_heap::LocalHeap;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::link::{self, LinkMessage};
use hdf5_reader::messages::link_info::LinkInfoMessage;
use hdf5_reader::messages::symbol_table_msg::SymbolTableMessage;
use hdf5_reader::symbol_table::SymbolTableNode;

/// The number of bytes of a name's entry in a node, without its two addresses.
const ENTRY: usize = 24;

/// The names of all links in a group, in order: of datasets, groups, and links that lead nowhere.
pub(super) fn names(file: &Hdf5File, group: &Group) -> Result<Vec<String>> {
    let header = file.get_or_parse_header(group.address())?;
    let mut names = Vec::new();
    let mut links = Vec::new();
    for message in &header.messages {
        match message {
            HdfMessage::SymbolTable(table) => names.extend(of_table(group, table)?),
            HdfMessage::Link(link) => links.push(link.clone()),
            HdfMessage::LinkInfo(info) => links.extend(dense_links(group, info)?),
            _ => {}
        }
    }
    // The order of creation where the file has it, otherwise the order of the names.
    links.sort_by(|a, b| {
        let creation = a.creation_order.cmp(&b.creation_order);
        creation.then_with(|| a.name.cmp(&b.name))
    });
    names.extend(links.into_iter().map(|link| link.name));
    Ok(names)
}

/// The names in a symbol table.
fn of_table(group: &Group, table: &SymbolTableMessage) -> Result<Vec<String>> {
    let (storage, offset, length) = (group.storage(), group.offset_size(), group.length_size());
    let heap = LocalHeap::parse_at_storage(storage, table.heap_address, offset, length)?;
    let (tree, no_chunks) = (table.btree_address, &[]);
    let leaves =
        collect_btree_v1_leaves_storage(storage, tree, offset, length, None, no_chunks, None)?;
    let mut names = Vec::new();
    for (_, address) in leaves {
        // 1. The first 8 bytes of a node end with the number of its entries.
        let start = storage.read_range(address, 8)?;
        let entries = match start.as_ref() {
            &[.., low, high] => usize::from(u16::from_le_bytes([low, high])),
            _ => return Err(Error::InvalidSymbolTableNodeSignature),
        };
        // 2. The entries, and the name of each.
        let bytes = storage.read_range(address, 8 + entries * (ENTRY + 2 * usize::from(offset)))?;
        let node = SymbolTableNode::parse(&mut Cursor::new(bytes.as_ref()), offset, length)?;
        for entry in &node.entries {
            names.push(heap.get_string_storage(entry.link_name_offset, storage)?);
        }
    }
    Ok(names)
}

/// The links that a group stores outside its header, if there are any.
fn dense_links(group: &Group, info: &LinkInfoMessage) -> Result<Vec<LinkMessage>> {
    let (storage, offset, length) = (group.storage(), group.offset_size(), group.length_size());
    if Cursor::is_undefined_offset(info.fractal_heap_address, offset) {
        return Ok(Vec::new());
    }
    let heap = FractalHeap::parse_at_storage(storage, info.fractal_heap_address, offset, length)?;
    let tree = info.btree_name_index_address;
    let tree = BTreeV2Header::parse_at_storage(storage, tree, offset, length)?;
    let records =
        collect_btree_v2_records_storage(storage, &tree, offset, length, None, &[], None)?;
    let mut links = Vec::new();
    for record in &records {
        if let BTreeV2Record::LinkNameHash { heap_id, .. } = record {
            let bytes = heap.get_object_storage(heap_id, storage, offset, length)?;
            links.push(link::parse(
                &mut Cursor::new(&bytes),
                offset,
                length,
                bytes.len(),
            )?);
        }
    }
    Ok(links)
}
