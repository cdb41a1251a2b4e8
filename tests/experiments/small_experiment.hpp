// A small experiment on generated data, made as the program makes it: from config text.
#pragma once

#include <string>
#include <vector>

#include "core/config/experiment.hpp"
#include "experiments/plan/plan.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {

/// Loads `text` from a file, as the program does.
inline Experiment experiment_from(const std::string& text, const std::vector<std::string>& overrides) {
  const TemporaryFolder folder;
  write_text_file(folder / "small.cfg", text);
  return load_experiment(folder / "small.cfg", overrides, key_table());
}

/// Blobs, 4-8-3, cross-entropy, 60 steps of 16 samples in 12 rounds; `overrides` as for --set.
inline Experiment small_experiment(const std::vector<std::string>& overrides) {
  return experiment_from(
      "[experiment]\nname = small\n"
      "[dataset]\nkind = blobs\nfeatures = 4\nclasses = 3\nsamples = 200\n"
      "[model]\nkind = mlp\nlayers = 4,8,3\n"
      "[training]\nsteps = 60\nbatch_size = 16\nlearning_rate = 0.1\n"
      "[sweep]\nbackend = neuron\n",
      overrides);
}

/// A transformer of 2 blocks, D 16, H 2, tied embeddings, on copying 40 letters (T 80: more than one panel of queries).
inline Experiment small_transformer_experiment(const std::vector<std::string>& overrides) {
  return experiment_from(
      "[experiment]\nname = small-transformer\n"
      "[dataset]\nkind = copy\nalphabet = 7\nlength = 40\nsamples = 40\n"
      "[model]\nkind = transformer\nd_model = 16\nheads = 2\nblocks = 2\ncontext = 80\ntied_embeddings = true\n"
      "[training]\nsteps = 20\nbatch_size = 3\nlearning_rate = 0.1\n"
      "[sweep]\nbackend = neuron\n",
      overrides);
}

}  // namespace stepbench::testing
