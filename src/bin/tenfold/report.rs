//! `tenfold report`: one HTML page with the tables and figures of evaluations.

mod axis;
mod chart;
mod curves;
mod estimates;
mod figure;
mod grids;
mod markup;
mod method;
mod page;
mod pictures;
mod run;
mod spectra;
mod table;
mod times;
mod truncation;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tenfold::io::write_text;

use crate::arrays::is_dash;
use crate::bootstrap::BootstrapArgs;
use crate::console::Console;
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;
use crate::output;

use figure::Figure;
use run::Run;
use table::Table;

/// Draw the results of `tenfold evaluate --onnx` as one HTML page
///
/// The page has the table of the metrics, overlays on photographs, binarised maps beside the masks,
/// the mean intersection over union against the threshold, the singular values, and the time of a
/// map. It needs no network, no scripts and no other files, and has light and dark colours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folders of runs, as written by `tenfold evaluate --onnx … -o RUN`; each becomes a part of
    /// every figure
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page
    #[arg(short, long, value_name = "REPORT.html", default_value = "report.html")]
    output: PathBuf,
    /// Write each figure as an SVG file into this folder too
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// Maximum number of photographs of a run in the figures of pictures; 0 draws none. They are
    /// chosen evenly
    #[arg(long, value_name = "N", default_value_t = 8)]
    photographs: usize,
    #[command(flatten)]
    bootstrap: BootstrapArgs,
}

pub(crate) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    // 1. The records.
    if is_dash(&args.output) {
        return Err(Failure::usage(
            "-: report writes a file, not standard output",
        ));
    }
    let runs = args.runs.iter().map(|folder| Run::read(folder, memory));
    let mut runs = runs.collect::<Outcome<Vec<Run>>>()?;
    run::name(&mut runs);
    let inputs = inputs(&runs);
    output::check(std::slice::from_ref(&args.output), &inputs)?;
    // 2. The figures.
    let figures = figures(&runs, args, console)?;
    let mut outputs = vec![args.output.clone()];
    if let Some(folder) = &args.figures {
        outputs.extend(figures.iter().map(|figure| figure_file(folder, figure)));
    }
    output::check_distinct(&outputs, &inputs)?;
    // 3. The files.
    if let Some(folder) = &args.figures {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::usage(format!("{}: {error}", folder.display())))?;
        for figure in &figures {
            write_text(figure_file(folder, figure), &figure.file())?;
        }
    }
    write_text(
        &args.output,
        &page::page(&runs, &Table::new(&runs, &args.bootstrap)?, &figures),
    )?;
    let names: Vec<&str> = figures.iter().map(|figure| figure.name).collect();
    let photographs: usize = runs.iter().map(|run| run.records.len()).sum();
    let object = json!({
        "command": "report",
        "output": args.output,
        "runs": runs.len(),
        "photographs": photographs,
        "failures": runs.iter().map(|run| run.failures.len()).sum::<usize>(),
        "figures": names,
        "figures_folder": args.figures,
    });
    let text = format!(
        "{}: {} and {} of {}",
        args.output.display(),
        chart::count(figures.len(), "figure"),
        chart::count(photographs, "photograph"),
        chart::count(runs.len(), "run"),
    );
    console.summary(Some(&args.output), object, &text)
}

/// The file of a figure.
fn figure_file(folder: &Path, figure: &Figure) -> PathBuf {
    folder.join(format!("{}.svg", figure.name))
}

/// The files of the runs, the photographs and the masks.
fn inputs(runs: &[Run]) -> Vec<PathBuf> {
    let mut inputs: Vec<PathBuf> = runs.iter().map(Run::file).collect();
    for run in runs {
        for record in &run.records {
            inputs.push(run.photograph(record));
            inputs.extend(run.mask(record));
        }
    }
    inputs
}

/// All figures that the runs have the results for.
fn figures(runs: &[Run], args: &Args, console: &Console) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    figures.extend(grids::overlays(runs, args.photographs, console)?);
    figures.extend(grids::binarised(runs, args.photographs, console)?);
    figures.extend(curves::figures(runs));
    figures.extend(spectra::figures(runs));
    figures.extend(truncation::figure(runs, &args.bootstrap)?);
    figures.extend(times::figure(runs));
    Ok(figures)
}
