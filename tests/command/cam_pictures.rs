//! `tenfold cam`: pictures, overlays on a photograph, and how several maps are arranged.

use std::fs;

use serde_json::json;
use tenfold::TensorRef;
use tenfold::cam::{Cam, Colormap, Overlay, Weighting, colorize, normalize, resize};
use tenfold::io::{RgbImage, read_image, write_png};

use crate::cam::map_of_sample;
use crate::folder::{Folder, notes, repository};

#[test]
fn all_four_overlays_stand_side_by_side_in_one_picture() {
    let folder = Folder::with_sample();
    folder.succeeds("cam chelsea.npy --image chelsea.png --weighting all -o all.png");
    let picture = read_image(folder.at("all.png")).unwrap();
    let photograph = read_image(folder.at("chelsea.png")).unwrap();
    let gap = (picture.width() - 4 * photograph.width()) / 3;
    assert_eq!(picture.height(), photograph.height());
    for (i, weighting) in (0..).zip(Weighting::ALL) {
        let map = map_of_sample(&folder, &Cam::new(weighting));
        let overlay = Overlay::default().draw(&map, &photograph).unwrap();
        let left = i * (photograph.width() + gap);
        for (x, y, pixel) in overlay.enumerate_pixels() {
            assert_eq!(picture.get_pixel(left + x, y), pixel);
        }
    }
}

#[test]
fn the_colour_map_reaches_the_library() {
    let folder = Folder::with_sample();
    let map = map_of_sample(&folder, &Cam::new(Weighting::Mtsm));
    let enlarged = resize(&map, 30, 20).unwrap();
    for colormap in Colormap::ALL {
        folder.succeeds(&format!(
            "cam chelsea.npy --size 30x20 --colormap {colormap} -o map.png"
        ));
        let expected = colorize(&enlarged, colormap).unwrap();
        assert_eq!(read_image(folder.at("map.png")).unwrap(), expected);
    }
}

#[test]
fn the_share_of_the_map_in_an_overlay_reaches_the_library() {
    let folder = Folder::with_sample();
    let map = map_of_sample(&folder, &Cam::new(Weighting::Mtsm));
    let photograph = read_image(folder.at("chelsea.png")).unwrap();
    let default = Overlay::default();
    for (option, alpha) in [
        ("", default.alpha),
        ("--alpha 0.25", 0.25),
        ("--alpha 1", 1.0),
    ] {
        folder.succeeds(&format!(
            "cam chelsea.npy --image chelsea.png -o map.png {option}"
        ));
        let overlay = Overlay { alpha, ..default };
        let expected = overlay.draw(&map, &photograph).unwrap();
        assert_eq!(read_image(folder.at("map.png")).unwrap(), expected);
    }
}

#[test]
fn a_resized_photograph_of_one_colour_keeps_its_colour() {
    let folder = Folder::with_sample();
    let colour = [200, 100, 10];
    let photograph = RgbImage::from_pixel(9, 7, colour.into());
    write_png(folder.at("photograph.png"), &photograph).unwrap();
    folder.succeeds("cam chelsea.npy --image photograph.png --size 30x20 --alpha 0 -o out.png");
    let picture = read_image(folder.at("out.png")).unwrap();
    assert_eq!((picture.height(), picture.width()), (30, 20));
    assert!(picture.pixels().all(|pixel| pixel.0 == colour));
}

#[test]
fn each_item_of_a_batch_has_a_row_of_the_picture() {
    let folder = Folder::with_sample();
    let features = folder.read_f32("chelsea.npy");
    let twice = [features.data(), features.data()].concat();
    folder.write("batch.npy", &[2, 1280, 7, 7], &twice);
    folder.succeeds("cam batch.npy --size 10x20 -o out.png");
    let picture = read_image(folder.at("out.png")).unwrap();
    // Two rows of 10 and a gap of 4.
    assert_eq!((picture.width(), picture.height()), (20, 24));
}

/// The position of each map in the picture, and the position of each peak in the report.
#[test]
fn maps_of_a_batch_stand_below_each_other_in_order() {
    let folder = Folder::new();
    // One channel: the map is the feature map. The peaks are at (0, 2) and (1, 0).
    let entries = [
        0.0f32, 1.0, 3.0, 1.0, 0.0, 2.0, 0.0, 1.0, 2.0, 4.0, 1.0, 0.0,
    ];
    folder.write("batch.npy", &[2, 1, 2, 3], &entries);
    let report = folder.json("cam batch.npy --size 2x3 -o out.png");
    assert_eq!(report["maps"][0]["peak"], json!([0, 2]));
    assert_eq!(report["maps"][1]["peak"], json!([1, 0]));
    let picture = read_image(folder.at("out.png")).unwrap();
    let gap = picture.height() - 4;
    for (top, entries) in [(0, &entries[..6]), (2 + gap, &entries[6..])] {
        let map = normalize(TensorRef::new(&[2, 3], entries).unwrap()).unwrap();
        let expected = colorize(&map, Colormap::default()).unwrap();
        for (x, y, pixel) in expected.enumerate_pixels() {
            assert_eq!(picture.get_pixel(x, top + y), pixel, "{top}: {x}, {y}");
        }
    }
}

/// The photograph is turned before the map is drawn over it, and a note says so.
#[test]
fn a_photograph_is_turned_as_its_exif_orientation_says() {
    let folder = Folder::with_sample();
    let mut bytes = fs::read(repository("fuzz/corpus/image/oriented.tif")).unwrap();
    // Tag 0x0112, type 3, count 1, value 1.
    let entry = b"\x12\x01\x03\0\x01\0\0\0\x01\0";
    let at = bytes.windows(10).position(|window| window == entry);
    bytes[at.unwrap() + 8] = 6;
    folder.write_bytes("photograph.tif", &bytes);
    let report = folder.json("cam chelsea.npy --image photograph.tif --alpha 0 -o out.png");
    assert_eq!(
        notes(&report),
        ["the photograph was turned as its EXIF orientation says: 6"]
    );
    let stored = read_image(repository("fuzz/corpus/image/oriented.tif")).unwrap();
    let picture = read_image(folder.at("out.png")).unwrap();
    assert_eq!(picture.dimensions(), (stored.height(), stored.width()));
    for (column, row, pixel) in stored.enumerate_pixels() {
        // The first stored row is at the right side.
        let right = stored.height() - 1 - row;
        assert_eq!(picture.get_pixel(right, column), pixel);
    }
}

#[test]
fn ignored_transparency_is_noted() {
    let folder = Folder::with_sample();
    let webp = repository("fuzz/corpus/image/alpha.webp");
    fs::copy(webp, folder.at("photograph.webp")).unwrap();
    let report = folder.json("cam chelsea.npy --image photograph.webp -o out.png");
    assert_eq!(
        notes(&report),
        ["the transparency of the photograph is ignored"]
    );
}

#[test]
fn further_pages_are_noted() {
    let folder = Folder::with_sample();
    let pages = repository("fuzz/corpus/image/two-pages.tif");
    fs::copy(pages, folder.at("photograph.tif")).unwrap();
    let report = folder.json("cam chelsea.npy --image photograph.tif -o out.png");
    assert_eq!(
        notes(&report),
        ["the photograph has several pages, the first is used"]
    );
}

#[test]
fn the_photograph_may_be_on_standard_input() {
    let folder = Folder::with_sample();
    folder.succeeds("cam chelsea.npy --image chelsea.png -o expected.png");
    let output = folder
        .tenfold("cam chelsea.npy --image - -o out.png")
        .stdin(fs::File::open(folder.at("chelsea.png")).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let [picture, expected] =
        ["out.png", "expected.png"].map(|name| read_image(folder.at(name)).unwrap());
    assert_eq!(picture, expected);
    let line = folder.refusal("cam - --image - -o out.png");
    assert!(
        line.contains("standard input can be read only once") || line.starts_with("-: "),
        "{line}"
    );
}
