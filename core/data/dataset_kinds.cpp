// The table of data sets. A new kind is one loader and one row here.
#include <array>

#include "core/data/dataset.hpp"
#include "core/data/generated.hpp"
#include "core/data/hdf5_dataset.hpp"
#include "core/data/idx.hpp"

namespace stepbench {

std::span<const DatasetKind> dataset_kinds() {
  static const std::array kKinds = {
      DatasetKind{"mnist", "MNIST's four IDX files in a folder, plain or gzipped", {"path"}, load_mnist},
      DatasetKind{"hdf5",
                  "your own HDF5 file: train/features, train/labels or train/targets, and validation/",
                  {"path"},
                  load_hdf5_dataset},
      DatasetKind{"spirals",
                  "generated: points on the arms of a spiral, one class per arm, 2 features",
                  {"classes", "samples", "seed", "validation_fraction"},
                  generate_spirals},
      DatasetKind{"blobs",
                  "generated: Gaussian clouds, one class each",
                  {"features", "classes", "samples", "seed", "validation_fraction"},
                  generate_blobs},
  };
  return kKinds;
}

}  // namespace stepbench
