//! `tenfold cam --group`: one map of the maps of several layers.

use std::fs;

use serde_json::json;
use tenfold::Tensor;
use tenfold::cam::{Cam, Combination, Weighting, colorize, combine, resize};
use tenfold::io::read_image;

use crate::archive::write_archive;
use crate::folder::{Folder, notes, repository};

/// The sample of the README, and the features of an earlier layer in `early.npy`.
fn folder_with_layers() -> Folder {
    let folder = Folder::with_sample();
    let early = repository("tests/data/cam/chelsea.early.npy");
    fs::copy(early, folder.at("early.npy")).unwrap();
    folder
}

/// The library's combined map of the two layers.
fn combined(folder: &Folder, cam: &Cam, size: (usize, usize), how: Combination) -> Tensor<f32> {
    let maps =
        ["chelsea.npy", "early.npy"].map(|name| cam.saliency_map(&folder.read_f32(name)).unwrap());
    let views = maps.each_ref().map(|map| map.values().view());
    combine(&views, size.0, size.1, how).unwrap()
}

const GROUP: &str = "cam --group chelsea.npy,early.npy";

#[test]
fn a_group_gives_the_combined_map_of_the_library() {
    let folder = folder_with_layers();
    for (options, how) in [
        ("", Combination::Mean),
        ("--combine mean", Combination::Mean),
        ("--combine max", Combination::Max),
    ] {
        for weighting in Weighting::ALL {
            folder.succeeds(&format!(
                "{GROUP} {options} --weighting {weighting} --size 30x20 -o map.npy"
            ));
            let expected = combined(&folder, &Cam::new(weighting), (30, 20), how);
            assert_eq!(folder.read_f32("map.npy"), expected);
        }
    }
}

/// The combined map has the size of the photograph, or else of the largest layer.
#[test]
fn the_size_of_a_combined_map() {
    let folder = folder_with_layers();
    let mtsm = Cam::new(Weighting::Mtsm);
    let report = folder.json(&format!("{GROUP} -o map.npy"));
    let expected = combined(&folder, &mtsm, (14, 14), Combination::Mean);
    assert_eq!(folder.read_f32("map.npy"), expected);
    let map = &report["maps"][0];
    assert_eq!(map["shape"], json!([14, 14]));
    assert_eq!(map["input"], "chelsea.npy+early.npy");
    assert_eq!(map["files"], json!(["chelsea.npy", "early.npy"]));
    assert_eq!(map["item"], json!(null));
    assert_eq!(report["maps"].as_array().unwrap().len(), 1);
    assert_eq!(report["inputs"], json!(["chelsea.npy", "early.npy"]));

    folder.succeeds(&format!("{GROUP} --image chelsea.png -o map.npy"));
    let expected = combined(&folder, &mtsm, (224, 224), Combination::Mean);
    assert_eq!(folder.read_f32("map.npy"), expected);
}

#[test]
fn without_an_output_the_picture_is_named_after_all_files() {
    let folder = folder_with_layers();
    folder.succeeds(&format!("{GROUP} --weighting tsm"));
    let map = combined(
        &folder,
        &Cam::new(Weighting::Tsm),
        (14, 14),
        Combination::Mean,
    );
    let expected = colorize(&resize(&map, 224, 224).unwrap(), Default::default()).unwrap();
    let picture = read_image(folder.at("chelsea+early.tsm.png")).unwrap();
    assert_eq!(picture, expected);
}

#[test]
fn each_group_has_maps_of_its_own() {
    let folder = folder_with_layers();
    let report = folder.json(
        "cam --group chelsea.npy,early.npy --group early.npy --weighting all --size 9x8 -o maps",
    );
    assert_eq!(report["maps"].as_array().unwrap().len(), 8);
    assert_eq!(fs::read_dir(folder.at("maps")).unwrap().count(), 16);
    let cam = Cam::new(Weighting::EigenCam);
    let expected = combined(&folder, &cam, (9, 8), Combination::Mean);
    assert_eq!(
        folder.read_f32("maps/chelsea+early.eigen-cam.npy"),
        expected
    );
    let early = cam.saliency_map(&folder.read_f32("early.npy")).unwrap();
    let expected = combine(&[early.values().view()], 9, 8, Combination::Mean).unwrap();
    assert_eq!(folder.read_f32("maps/early.eigen-cam.npy"), expected);
}

#[test]
fn the_items_of_batches_are_combined_one_by_one() {
    let folder = Folder::new();
    let fine: Vec<f32> = (0..3 * 2 * 4 * 4).map(|i| ((i * 7) % 13) as f32).collect();
    let coarse: Vec<f32> = (0..3 * 5 * 2 * 2).map(|i| ((i * 5) % 11) as f32).collect();
    folder.write("fine.npy", &[3, 2, 4, 4], &fine);
    folder.write("coarse.npy", &[3, 5, 2, 2], &coarse);
    folder.succeeds("cam --group fine.npy,coarse.npy -o maps.npy");
    let maps = folder.read_f32("maps.npy");
    assert_eq!(maps.shape(), [3, 4, 4]);
    let cam = Cam::new(Weighting::Mtsm);
    let [fine, coarse] =
        ["fine.npy", "coarse.npy"].map(|name| cam.saliency_maps(&folder.read_f32(name)).unwrap());
    for (item, map) in maps.data().chunks(16).enumerate() {
        let layers = [fine[item].values().view(), coarse[item].values().view()];
        let expected = combine(&layers, 4, 4, Combination::Mean).unwrap();
        assert_eq!(map, expected.data());
    }
}

/// The layers may be arrays of one file.
#[test]
fn a_group_of_members_gives_the_map_of_a_group_of_files() {
    let folder = folder_with_layers();
    let members = ["chelsea", "early"].map(|name| {
        let file = format!("{name}.npy");
        let bytes = folder.read_bytes(&file);
        (file, bytes)
    });
    let members = members
        .each_ref()
        .map(|(name, bytes)| (&name[..], bytes.clone()));
    write_archive(&folder.at("layers.npz"), &members);
    let report = folder.json("cam --group layers.npz:chelsea,layers.npz:early -o maps");
    assert_eq!(
        report["maps"][0]["input"],
        "layers.npz:chelsea+layers.npz:early"
    );
    folder.succeeds(&format!("{GROUP} -o map.npy"));
    assert_eq!(
        folder.read_f32("maps/layers.chelsea+layers.early.mtsm.npy"),
        folder.read_f32("map.npy")
    );
}

#[test]
fn constant_layers_are_reported() {
    let folder = Folder::new();
    folder.write("constant.npy", &[2, 3, 3], &[1.0f32; 18]);
    folder.write("varied.npy", &[1, 1, 2], &[1.0f32, 2.0]);
    let report = folder.json("cam --group constant.npy,varied.npy -o map.npy");
    assert_eq!(report["maps"][0]["status"], "fine");
    let notes = notes(&report);
    let constant = |note: &&str| note.starts_with("constant.npy mtsm: all positions");
    assert!(notes.iter().any(constant), "{notes:?}");
    let report = folder.json("cam --group constant.npy,constant.npy -o map.npy");
    assert_eq!(report["maps"][0]["status"], "constant");
}

#[test]
fn bad_groups_are_refused() {
    let folder = folder_with_layers();
    folder.write("batch.npy", &[2, 1, 1, 2], &[1.0f32, 2.0, 3.0, 4.0]);
    for (arguments, message) in [
        (
            "cam --group chelsea.npy,batch.npy -o out.png",
            "chelsea.npy holds 1 feature map and batch.npy holds 2 feature maps",
        ),
        (
            "cam --group chelsea.npy,,early.npy -o out.png",
            "has an empty file name",
        ),
        (
            "cam chelsea.npy --combine max -o out.png",
            "--combine is for the maps of a group",
        ),
        (
            "cam chelsea.npy --group early.npy -o out.png",
            "cannot be used with",
        ),
        ("cam -o out.png", "required"),
        (
            "cam --group early.npy,no-such.npy -o out.png",
            "no-such.npy: there is no such file",
        ),
        (
            "cam --group early.npy,chelsea.npy --combine median -o out.png",
            "there is no combination \"median\", only mean, max",
        ),
        (
            "cam --group early.npy,chelsea.npy --group early.npy,chelsea.npy -o maps",
            "early.npy+chelsea.npy: another file has the same name",
        ),
        (
            "cam --group early.npy --group chelsea.npy -o maps.npy",
            "several files cannot be one array",
        ),
        (
            "cam --group early.npy,chelsea.npy -o chelsea.npy",
            "would replace the input",
        ),
        (
            "cam --group early.npy,chelsea.npy --size 8000x8000 --max-memory 200MB -o out.png",
            "--max-memory",
        ),
    ] {
        let line = folder.refusal(arguments);
        assert!(line.contains(message), "{arguments}: {line}");
    }
}
