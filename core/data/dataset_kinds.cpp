// The table of data sets. A new kind is one loader and one row here.
#include <array>

#include "core/data/dataset.hpp"
#include "core/data/generated.hpp"
#include "core/data/hdf5_dataset.hpp"
#include "core/data/idx.hpp"
#include "core/data/text.hpp"
#include "core/data/token_tasks.hpp"

namespace stepbench {

std::span<const DatasetKind> dataset_kinds() {
  static const std::array kKinds = {
      DatasetKind{"mnist",
                  "the four IDX files of MNIST, Fashion-MNIST, EMNIST ... in a folder, plain or gzipped",
                  {"path"},
                  load_mnist},
      DatasetKind{"hdf5",
                  "your own HDF5 file, or one of export-data: train/ and validation/, each with features and labels or "
                  "targets, or with tokens",
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
      DatasetKind{"text",
                  "any text, plain or gzipped, as characters or bytes to predict one after the other",
                  {"path", "vocabulary", "validation_fraction"},
                  load_text},
      DatasetKind{"names",
                  "a file of one name a line, shuffled, as text",
                  {"path", "vocabulary", "validation_fraction"},
                  load_names},
      DatasetKind{"modular_addition",
                  "generated: a + b = c modulo p, all pairs: tokens with model.context = 3, one-hot rows of 2p for an MLP",
                  {"modulus", "seed", "validation_fraction"},
                  generate_modular_addition},
      DatasetKind{"copy",
                  "generated: sequences of symbols to be repeated; model.context = 2 * length",
                  {"alphabet", "length", "shortest", "samples", "seed", "validation_fraction"},
                  generate_copy},
  };
  return kKinds;
}

}  // namespace stepbench
