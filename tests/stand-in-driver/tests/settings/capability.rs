//! Compute capabilities, and memory of several devices.

use cudarc::driver::{CudaContext, DevicePtr, LaunchConfig, PushKernelArg};
use cudarc::nvrtc::Ptx;
use tenfold::cam::{Cam, Weighting};
use tenfold::cuda::Device;

use crate::common::StandIn;
use crate::features::features;

/// A kernel that writes a number, for devices of this compute capability and newer ones.
fn writing(capability: u32) -> Ptx {
    let text = format!(
        ".version 7.8\n.target sm_{capability}\n.address_size 64\n.visible .entry write(\n\
         .param .u64 write_param_0\n)\n{{\n.reg .b64 %rd<2>;\nld.param.u64 %rd1, [write_param_0];\n\
         st.global.u32 [%rd1], 7;\nret;\n}}\n"
    );
    Ptx::from_src(text)
}

#[test]
fn modules_for_newer_devices_are_refused() {
    let stand_in = StandIn::open();
    for capability in [75, 80, 90] {
        stand_in.set_capability(capability);
        let context = CudaContext::new(0).unwrap();
        for target in [75, 80, 90] {
            let loaded = context.load_module(writing(target));
            assert_eq!(
                loaded.is_ok(),
                target <= capability,
                "{target} {capability}"
            );
        }
        let found = Device::open(0).unwrap().properties().unwrap();
        let expected = (capability as usize / 10, capability as usize % 10);
        let (major, minor) = found.compute_capability;
        assert_eq!((major as usize, minor as usize), expected);
    }
}

/// The library works on devices of each capability, with kernels of its own for each.
#[test]
fn maps_on_devices_of_each_capability() {
    let stand_in = StandIn::open();
    let batch = features::<f32>(&[3, 40, 3, 3], 6);
    let cam = Cam::new(Weighting::Mtsm);
    let expected = cam.saliency_maps(&batch).unwrap();
    for capability in [75, 80, 90] {
        stand_in.set_capability(capability);
        for seed in [0, 12345] {
            stand_in.set_error(seed);
            let device = Device::open(0).unwrap();
            let found = device.saliency_maps(&cam, &batch).unwrap();
            for (one, other) in found.iter().zip(&expected) {
                let mut pairs = one.values().data().iter().zip(other.values().data());
                assert!(
                    pairs.all(|(a, b)| (a - b).abs() < 1e-6),
                    "{capability} {seed}"
                );
            }
        }
    }
    assert_eq!(stand_in.report(), "");
}

#[test]
fn memory_of_another_device() {
    let stand_in = StandIn::open();
    stand_in.set_devices(2);
    let [first, second] = [0, 1].map(|ordinal| CudaContext::new(ordinal).unwrap());
    let function = first.load_module(writing(75)).unwrap();
    let function = function.load_function("write").unwrap();
    let one = LaunchConfig {
        grid_dim: (1, 1, 1),
        block_dim: (1, 1, 1),
        shared_mem_bytes: 0,
    };
    for (context, belongs) in [(&first, true), (&second, false)] {
        let stream = context.default_stream();
        let memory = stream.alloc_zeros::<u32>(1024).unwrap();
        let (address, _guard) = memory.device_ptr(&stream);
        context.synchronize().unwrap();
        let launching = first.default_stream();
        let mut launch = launching.launch_builder(&function);
        launch.arg(&address);
        // SAFETY: the stand-in reports a wrong address.
        unsafe { launch.launch(one) }.unwrap();
        let report = stand_in.report();
        assert_eq!(report.is_empty(), belongs, "{report}");
        assert!(
            belongs || report.contains("belongs to device 1"),
            "{report}"
        );
    }
    stand_in.reset();
}
