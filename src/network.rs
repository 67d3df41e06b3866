//! ONNX networks: feature maps and outputs for photographs.
//!
//! A network is a list of nodes. Each node computes tensors from earlier tensors, and each tensor has
//! a name. [`Network::open`] reads the list and computes the shapes. [`Network::plan`] selects
//! tensors and prepares the nodes that they need. [`Plan::run`] computes them for an image:
//!
//! ```text
//!   photograph ─ crop ─ tensor ─ Plan::run ─┬─ features   1280×7×7
//!   (RgbImage)    └─ Preprocessing          └─ logits     1000
//! ```
//!
//! The crate `tract-onnx` reads and runs the network, on the CPU. The names of layers are the names
//! of tensors in the file. A program such as Netron shows the names.
//!
//! ```no_run
//! use tenfold::cam::{Cam, Weighting};
//! use tenfold::io::read_image;
//! use tenfold::network::{Network, Preprocessing, Preset};
//!
//! let network = Network::open("net.onnx")?;
//! let preprocessing = Preprocessing::of(Preset::Imagenet, network.input())?;
//! let photograph = read_image("photograph.jpg")?;
//! let image = preprocessing.tensor(&preprocessing.crop(&photograph)?)?;
//! let layer = network.last_feature_map()?;
//! let features = network.plan(&[layer.name()])?.run(&image)?;
//! let map = Cam::new(Weighting::Mtsm).saliency_map(&features[0])?;
//! # Ok::<(), tenfold::Error>(())
//! ```
//!
//! # Untrusted files
//! A damaged or hostile file gives an error. The engine can panic on such a file. The panic is
//! caught and becomes [`NetworkError::Engine`](crate::NetworkError::Engine). The first call into the
//! engine installs a panic hook, so that these panics are not printed. It passes all other panics to
//! the hook that was installed before.
//!
//! | file | subject |
//! | --- | --- |
//! | `open` | reading a file, and the type `Network` |
//! | `graph` | the nodes of the file |
//! | `claims` | the sizes that a file claims |
//! | `layer`, `shapes` | layers and their shapes |
//! | `input` | the input of a network |
//! | `last`, `detector`, `operators` | the choice of the last feature map |
//! | `plan` | selected tensors, ready to run |
//! | `guard` | calls into the engine |
//! | `half_products` | matrix products that the engine would refuse |
//! | `preprocessing`, `preset` | from a photograph to the input |
//! | `resample` | resizing as Pillow does it |

mod claims;
mod detector;
mod graph;
mod guard;
mod half_products;
mod input;
mod last;
mod layer;
mod open;
mod operators;
mod plan;
mod preprocessing;
mod preset;
mod resample;
mod shapes;

pub use input::Input;
pub use layer::Layer;
pub use open::Network;
pub use plan::Plan;
pub use preprocessing::Preprocessing;
pub use preset::Preset;
