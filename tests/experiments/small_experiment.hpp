// A small experiment on generated data, made as the program makes it: from config text.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/config/experiment.hpp"
#include "experiments/plan.hpp"

namespace stepbench::testing {

/// Blobs, 4-8-3, cross-entropy, 60 steps of 16 samples in 12 rounds; `overrides` as for --set.
inline Experiment small_experiment(std::vector<std::string> overrides) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "stepbench-small-experiment.cfg";
  std::ofstream(file) << "[experiment]\nname = small\n"
                         "[dataset]\nkind = blobs\nfeatures = 4\nclasses = 3\nsamples = 200\n"
                         "[model]\nkind = mlp\nlayers = 4,8,3\n"
                         "[training]\nsteps = 60\nbatch_size = 16\nlearning_rate = 0.1\n"
                         "[sweep]\nbackend = neuron\n";
  return load_experiment(file, overrides, dataset_keys());
}

}  // namespace stepbench::testing
