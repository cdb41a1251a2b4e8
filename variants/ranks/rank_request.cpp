#include "variants/ranks/rank_request.hpp"

#include <fmt/format.h>

#include "core/config/keys.hpp"
#include "core/error.hpp"

namespace stepbench {
namespace {

using nlohmann::json;

json to_json(const Value& value) {
  return std::visit([](const auto& typed) { return json(typed); }, value);
}

Value value_from(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_array()) return value.get<std::vector<std::int64_t>>();
  return value.get<std::string>();
}

/// As a config would have it.
std::string text_from(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const json& element : value) text += (text.empty() ? "" : ",") + text_from(element);
  return text;
}

}  // namespace

json to_json(const RankRequest& request) {
  json own = json::object();
  for (const auto& [name, value] : request.own) own[name] = to_json(value);
  return {{"backend", request.backend}, {"exact", request.reduction == Reduction::exact},
          {"overlap", request.overlap}, {"independent", request.independent},
          {"cpus", request.cpus},       {"own", own}};
}

RankRequest rank_request_from(const json& more) {
  RankRequest request{.backend = more.at("backend").get<std::string>(),
                      .reduction = more.at("exact").get<bool>() ? Reduction::exact : Reduction::fast,
                      .overlap = more.at("overlap").get<bool>(),
                      .independent = more.at("independent").get<bool>(),
                      .cpus = more.at("cpus").get<std::vector<int>>(),
                      .own = {}};
  for (const auto& [name, value] : more.at("own").items()) request.own.emplace_back(name, value_from(value));
  return request;
}

TrialSettings trial_settings_from(const json& settings, std::int64_t outputs) {
  static const KeyTable table({}, {});
  TrialSettings trial;
  for (const auto& [name, value] : settings.items()) {
    const Key* key = table.find(name);
    if (key == nullptr || !key->set(trial, text_from(value))) {
      throw Error(fmt::format("a rank cannot read {} = {}: is it of another build?", name, value.dump()));
    }
  }
  if (trial.model.kind == ModelKind::transformer) trial.model.vocabulary_size = outputs;
  return trial;
}

}  // namespace stepbench
