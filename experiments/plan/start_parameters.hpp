// What a trial's training starts from: parameters drawn from its seed, or those of a stored trial
// (`model.init = file:PATH#TRIAL`).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/results/trial_record.hpp"
#include "core/settings.hpp"

namespace stepbench {

/// Stored tensors, found by name, as one flat buffer of `layout`; float32 is widened. Throws InputError naming the
/// first tensor that is missing, too many, of another shape, or not finite in `precision`, with what was found and what
/// is needed.
[[nodiscard]] std::vector<double> in_canonical_order(std::span<const NamedTensor> stored, const ParameterLayout& layout,
                                                     Precision precision);

/// The result files that `model.init` names, each read once.
class StartFiles {
 public:
  /// A relative path is looked up in each of `folders` in turn.
  explicit StartFiles(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}

  /// The final parameters of trial model.init_trial in model.init_file, in the model's canonical order; nullptr unless
  /// model.init is Initialisation::file. Throws InputError: no such file or not a result file; no such trial (names
  /// those there are); no parameters stored; a tensor that does not fit, or has a value that
  /// training in `precision` cannot hold.
  [[nodiscard]] std::shared_ptr<const std::vector<double>> read(const ModelSettings& model, Precision precision);

 private:
  const ResultFile& load(const std::string& path);

  std::vector<std::filesystem::path> folders_;
  std::map<std::string, ResultFile> files_;
};

/// The parameters that training starts from, in the trial's scalar type: model.start_parameters, else drawn; with the
/// last bit of one weight changed where model.perturb asks for it.
template <typename Scalar>
[[nodiscard]] std::vector<Scalar> start_parameters(const TrialSettings& trial);

}  // namespace stepbench
