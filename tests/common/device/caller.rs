//! Cases: memory that the caller has on the device.

use tenfold::Tensor;
use tenfold::cam::{Cam, Weighting, resize};
use tenfold::cuda::{Device, DeviceScalar};

use super::compare::largest_difference;
use super::{Case, Runs, Trial, features, one_by_one};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "memory_of_the_caller",
        runs: Runs::Anywhere,
        compare: memory_of_the_caller,
    },
    Case {
        name: "resized_maps_at_a_pointer",
        runs: Runs::Anywhere,
        compare: resized_maps_at_a_pointer,
    },
];

/// Entries that are copied to the device and back stay the same. The device of an address is found.
fn memory_of_the_caller(trial: &mut Trial<'_>) {
    fn copied<T: DeviceScalar>(device: &Device, entries: &[T]) {
        let memory = device.upload(entries).unwrap();
        assert_eq!(memory.len(), entries.len());
        assert_eq!(memory.is_empty(), entries.is_empty());
        // SAFETY: the memory holds the entries, and nothing writes to it.
        let found = unsafe { device.download_at::<T>(memory.pointer(), entries.len()) };
        assert_eq!(found.unwrap(), entries);
        let ordinal = Device::of_address(memory.pointer()).unwrap();
        assert_eq!(ordinal, Some(device.ordinal()));
    }
    copied(trial.device, features::<f32>(&[3, 5, 7], 1).data());
    copied(trial.device, features::<f64>(&[3, 5, 7], 1).data());
    let on_host = [0u8; 16];
    let found = Device::of_address(on_host.as_ptr() as u64);
    assert_eq!(found.unwrap(), None);
    trial.device.wait().unwrap();
    // Memory for which there is no room is an error.
    assert!(trial.device.allocate::<f64>(usize::MAX / 16).is_err());
}

/// Resized maps on the device are those of a batch in the host's memory.
fn resized_maps_at_a_pointer(trial: &mut Trial<'_>) {
    fn of<T: DeviceScalar>(trial: &mut Trial<'_>) {
        let device = trial.device;
        let batch = features::<T>(&[3, 6, 3, 4], 2);
        let cam = Cam::new(Weighting::Mtsm);
        let maps = device.saliency_maps(&cam, &batch).unwrap();
        let given = device.upload(batch.data()).unwrap();
        let size = [5, 7];
        let resized = device.allocate::<T>(3 * 5 * 7).unwrap();
        // SAFETY: the memory has room for the batch and the maps, and nothing else uses it.
        let found = unsafe {
            let (from, to) = (given.pointer(), resized.pointer());
            let statuses = device.resized_maps_at::<T>(&cam, from, batch.shape(), size, to);
            assert!(maps.iter().map(|map| map.status()).eq(statuses.unwrap()));
            device.download_at::<T>(to, 3 * 5 * 7).unwrap()
        };
        let found = Tensor::new(&[3, 5, 7], found).unwrap();
        for (own, map) in one_by_one(&found).iter().zip(&maps) {
            let expected = resize(map.values(), 5, 7).unwrap();
            let difference = largest_difference(own, &expected);
            // Four products of weights and entries in [0, 1]: each side rounds about four times.
            trial
                .figures
                .compare(difference, 8.0 * T::EPSILON, &"a pixel");
        }
        // Maps of one mode, and a size without pixels.
        for (shape, size) in [(&[1, 6, 12][..], size), (batch.shape(), [0, 7])] {
            let (from, to) = (given.pointer(), resized.pointer());
            // SAFETY: as above. The call fails before it reads.
            let result = unsafe { device.resized_maps_at::<T>(&cam, from, shape, size, to) };
            assert!(result.is_err());
        }
    }
    of::<f32>(trial);
    of::<f64>(trial);
}
