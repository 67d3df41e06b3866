//! `tenfold cam` with arrays in the order of other libraries: `--layout`, `--grid`,
//! `--prefix-tokens`, the line that says how an array was read, and the notes about arrays that look
//! like another layout.

use tenfold::Tensor;

use crate::folder::{Folder, notes};

/// Features C×H×W without symmetries, so that no other order gives the same map.
fn features(shape: &[usize]) -> Tensor<f64> {
    let entry = |i: &[usize]| {
        let place: usize = i.iter().zip([13, 29, 7, 3]).map(|(i, step)| i * step).sum();
        (place % 17) as f64 + (place as f64).sin()
    };
    Tensor::from_fn(shape, entry).unwrap()
}

fn write(folder: &Folder, name: &str, x: &Tensor<f64>) {
    folder.write(name, x.shape(), x.data());
}

/// The map of `x.npy` with these options, the reading and the notes of the command.
fn cam(folder: &Folder, options: &str) -> (Tensor<f32>, String, Vec<String>) {
    let report = folder.json(&format!("cam x.npy -o map.npy {options}"));
    let read_as = report["read_as"][0].as_str().unwrap().to_owned();
    let notes = notes(&report).into_iter().map(str::to_owned).collect();
    (folder.read_f32("map.npy"), read_as, notes)
}

/// The map of features in the usual order.
fn expected(folder: &Folder, x: &Tensor<f64>) -> Tensor<f32> {
    write(folder, "usual.npy", x);
    folder.succeeds("cam usual.npy -o usual.map.npy");
    folder.read_f32("usual.map.npy")
}

#[test]
fn channels_last_are_read_with_hwc() {
    let folder = Folder::new();
    let usual = features(&[48, 7, 5]);
    let map = expected(&folder, &usual);
    write(&folder, "x.npy", &usual.permute(&[1, 2, 0]).unwrap());
    let (wrong, read_as, notes) = cam(&folder, "");
    assert_ne!(wrong, map);
    assert_eq!(read_as, "1 feature map of 7 channels × 5×48 positions");
    assert_eq!(
        notes,
        [
            "x.npy: the extents 7×5×48 look like layout hwc, they are read as chw; \
          if hwc is right, add --layout hwc"
        ]
    );
    for layout in ["hwc", "HWC"] {
        let (right, read_as, notes) = cam(&folder, &format!("--layout {layout}"));
        assert_eq!(right, map);
        assert_eq!(read_as, "1 feature map of 48 channels × 7×5 positions");
        assert!(notes.is_empty(), "{notes:?}");
    }
    // A batch of one, as TensorFlow writes it.
    write(
        &folder,
        "x.npy",
        &features(&[1, 48, 7, 5]).permute(&[0, 2, 3, 1]).unwrap(),
    );
    let (_, _, notes) = cam(&folder, "");
    assert!(notes[0].ends_with("add --layout nhwc"), "{notes:?}");
    let (batch, read_as, _) = cam(&folder, "--layout nhwc");
    assert_eq!(batch.shape(), [1, 7, 5]);
    assert_eq!(read_as, "1 feature map of 48 channels × 7×5 positions");
    let (single, _, _) = cam(&folder, "--layout xhwc");
    assert_eq!((single.shape(), single.data()), (&[7, 5][..], batch.data()));
}

#[test]
fn tokens_are_read_with_nlc() {
    let folder = Folder::new();
    let usual = features(&[1, 96, 14, 14]);
    let map = expected(&folder, &usual);
    // A class token of other entries.
    let tokens = Tensor::from_fn(&[1, 197, 96], |i| match i[1].checked_sub(1) {
        Some(token) => usual.get(&[0, i[2], token / 14, token % 14]).unwrap(),
        None => 1e6,
    });
    write(&folder, "x.npy", &tokens.unwrap());
    let (wrong, read_as, notes) = cam(&folder, "");
    assert_eq!(wrong.shape(), [197, 96]);
    assert_eq!(read_as, "1 feature map of 1 channel × 197×96 positions");
    assert!(
        notes[0].ends_with("if nlc is right, add --layout nlc"),
        "{notes:?}"
    );
    let (right, read_as, notes) = cam(&folder, "--layout nlc");
    assert_eq!(right, map);
    let sentence = "1 feature map of 96 channels × 14×14 positions, 1 prefix token dropped";
    assert_eq!(read_as, sentence);
    assert_eq!(
        notes,
        [
            "x.npy: the 197 tokens were read as 1 prefix token and a grid of 14×14; \
          for other tokens use --grid and --prefix-tokens"
        ]
    );
    let given = cam(&folder, "--layout nlc --grid 14x14 --prefix-tokens 1");
    assert_eq!(given, (map, sentence.to_owned(), Vec::new()));
    let (line, read_as, _) = cam(&folder, "--layout xlc --grid 1x197");
    assert_eq!(line.shape(), [1, 197]);
    assert_eq!(read_as, "1 feature map of 96 channels × 1×197 positions");
}

#[test]
fn each_frame_of_a_video_gets_a_map() {
    let folder = Folder::new();
    let frames = features(&[3, 40, 6, 5]);
    let maps = expected(&folder, &frames);
    write(&folder, "x.npy", &frames.permute(&[1, 0, 2, 3]).unwrap());
    let (wrong, read_as, notes) = cam(&folder, "");
    assert_eq!(wrong.shape(), [40, 6, 5]);
    assert_eq!(read_as, "40 feature maps of 3 channels × 6×5 positions");
    assert!(
        notes[0].ends_with("if cthw is right, add --layout cthw"),
        "{notes:?}"
    );
    let (right, read_as, notes) = cam(&folder, "--layout cthw");
    assert_eq!(right, maps);
    assert_eq!(read_as, "3 feature maps of 40 channels × 6×5 positions");
    assert!(notes.is_empty(), "{notes:?}");
    // Five modes need a layout.
    let batch = frames
        .permute(&[1, 0, 2, 3])
        .unwrap()
        .reshape(&[1, 40, 3, 6, 5])
        .unwrap();
    write(&folder, "x.npy", &batch);
    let line = folder.refusal("cam x.npy -o map.npy");
    assert!(line.contains("name them, such as --layout ncthw"), "{line}");
    assert_eq!(cam(&folder, "--layout ncthw").0, maps);
}

#[test]
fn two_modes_are_channels_by_positions() {
    let folder = Folder::new();
    let usual = features(&[12, 7, 7]);
    let map = expected(&folder, &usual);
    write(&folder, "x.npy", &usual.reshape(&[12, 49]).unwrap());
    let (line, read_as, notes) = cam(&folder, "");
    assert_eq!((line.shape(), line.data()), (&[1, 49][..], map.data()));
    assert_eq!(read_as, "1 feature map of 12 channels × 49 positions");
    assert_eq!(
        notes,
        ["x.npy: 49 positions are read as a line; if they are a grid, add --grid 7x7"]
    );
    let (grid, read_as, notes) = cam(&folder, "--grid 7x7");
    assert_eq!(grid, map);
    assert_eq!(read_as, "1 feature map of 12 channels × 7×7 positions");
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(cam(&folder, "--layout cl").0, line);
    folder.succeeds("cam x.npy -o map.png --ranks 3,3");
}

#[test]
fn the_summary_says_how_each_file_was_read() {
    let folder = Folder::new();
    write(&folder, "x.npy", &features(&[8, 512, 7, 7]));
    let line = "read as 8 feature maps of 512 channels × 7×7 positions";
    let (text, errors) = folder.succeeds("cam x.npy -o map.npy");
    assert_eq!((text.lines().next(), errors.as_str()), (Some(line), ""));
    assert_eq!(text.matches("read as").count(), 1, "{text}");
    write(&folder, "y.npy", &features(&[16, 3, 4]));
    let (text, _) = folder.succeeds("cam x.npy y.npy -o map.png");
    let lines: Vec<&str> = text.lines().take(2).collect();
    let other = "y.npy: read as 1 feature map of 16 channels × 3×4 positions";
    assert_eq!(lines, [&format!("x.npy: {line}"), other]);
    let (text, errors) = folder.succeeds("cam x.npy -o map.npy --quiet");
    assert_eq!((text.as_str(), errors.as_str()), ("", ""));
}

/// The ranks have the order of the feature maps, not of the array.
#[test]
fn ranks_are_those_of_the_feature_maps() {
    let folder = Folder::new();
    let usual = features(&[9, 4, 5]);
    write(&folder, "usual.npy", &usual);
    folder.succeeds("cam usual.npy --ranks 6,3,2 -o usual.map.npy");
    write(&folder, "x.npy", &usual.permute(&[2, 1, 0]).unwrap());
    let (map, _, _) = cam(&folder, "--layout whc --ranks 6,3,2");
    assert_eq!(map, folder.read_f32("usual.map.npy"));
    let object = folder.json("cam x.npy --layout whc --ranks 2,3,6 -o map.npy");
    let note = "--ranks 2,3,6 was lowered to 5 in mode 2";
    assert!(notes(&object).iter().any(|line| line.contains(note)));
}

#[test]
fn entries_are_named_by_their_index_in_the_file() {
    let folder = Folder::new();
    let entry = |at: [usize; 3]| {
        let x = Tensor::from_fn(
            &[2, 17, 6],
            |i| if i == at { f64::NAN } else { i[2] as f64 },
        );
        write(&folder, "x.npy", &x.unwrap());
    };
    entry([1, 9, 4]);
    for layout in ["nlc", "whc", "chw", "tlc"] {
        let line = folder.refusal(&format!("cam x.npy --layout {layout} -o map.npy --quiet"));
        assert!(
            line.contains("x.npy: the entry at [1, 9, 4] is NaN"),
            "{layout}: {line}"
        );
    }
    // The entry of a token that is dropped is not used.
    entry([1, 0, 4]);
    folder.succeeds("cam x.npy --layout nlc -o map.npy");
}

#[test]
fn layouts_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    write(&folder, "x.npy", &features(&[64, 7, 7, 2]));
    write(&folder, "tokens.npy", &features(&[2, 201, 48]));
    for (arguments, message) in [
        (
            "x.npy --layout hwc",
            "x.npy: layout hwc has 3 letters, the array 64×7×7×2 has 4 modes",
        ),
        (
            "x.npy --layout chwx",
            "x.npy: layout chwx drops mode 3 of the array 64×7×7×2, \
             only a mode of extent 1 can be dropped",
        ),
        (
            "x.npy --layout hwcz",
            "layout \"hwcz\" has the letter 'z', only n, c, t, h, w, l and x have a meaning",
        ),
        (
            "x.npy --layout nhwh",
            "layout \"nhwh\" has the letter h twice, only x may be repeated",
        ),
        (
            "x.npy --layout nhwt",
            "layout \"nhwt\" needs the letter c for the channels",
        ),
        (
            "x.npy --layout nctl --grid 7",
            "\"7\" is not a grid: height x width was expected, such as 14x14",
        ),
        (
            "x.npy --grid 7x7",
            "x.npy: layout nchw has no letter l, a grid and prefix tokens need one, as in nlc \
             (see --layout)",
        ),
        (
            "tokens.npy --layout nlc",
            "tokens.npy: 201 tokens are not a square grid with or without one prefix token: \
             give the grid and the number of prefix tokens (see --grid and --prefix-tokens)",
        ),
        (
            "tokens.npy --layout nlc --grid 14x14",
            "tokens.npy: the grid 14×14, with or without one prefix token, does not have the 201 \
             tokens of the array (see --grid and --prefix-tokens)",
        ),
        (
            "tokens.npy --layout nlc --prefix-tokens 201",
            "tokens.npy: 201 prefix tokens leave none of 201 (see --grid and --prefix-tokens)",
        ),
    ] {
        let line = folder.refusal(&format!("cam {arguments} -o map.npy"));
        assert!(line.contains(message), "{arguments}: {line}");
    }
    folder.succeeds("cam tokens.npy --layout nlc --prefix-tokens 5 -o map.npy");
}

#[test]
fn help_has_an_example_of_each_option() {
    let (help, _) = Folder::new().succeeds("cam --help");
    for example in [
        "--layout hwc",
        "--layout nhwc",
        "--layout cthw",
        "--layout nlc",
        "--grid 14x14",
        "--prefix-tokens 5",
    ] {
        assert!(help.contains(example), "{example}: {help}");
    }
}
