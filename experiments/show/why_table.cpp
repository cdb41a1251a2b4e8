#include "experiments/show/why_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "experiments/terminal/text_table.hpp"

namespace stepbench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMega = 1e6, kGiga = 1e9;

std::string number(double value, const char* format) {
  return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "-";
}

/// Of a phase's time, in percent.
std::string share(double part, const PhaseLimit& phase) { return number(100 * part / phase.seconds, "{:.0f}"); }

std::string words(const PhaseLimit& phase) {
  return phase.limit == Limit::unknown       ? "-"
         : phase.limit == Limit::parallelism ? "too little parallel work"
                                             : std::string(to_text(phase.limit));
}

bool has_limits(const TrialRecord& trial) { return !trial.limits.phases.empty(); }
bool has_memory(const TrialRecord& trial) { return !std::isnan(trial.memory.model.parameters); }

std::string phases_text(const ResultFile& file) {
  TextTable table;
  table.add_column("trial", TextTable::Align::left);
  table.add_column("phase", TextTable::Align::left);
  for (const char* heading : {"ms", "FLOP/B", "GFLOP/s", "attainable", "compute %", "memory %", "idle %", "other %"}) {
    table.add_column(heading);
  }
  table.add_column("limited by", TextTable::Align::left);
  for (const TrialRecord& trial : file.trials) {
    std::string id = trial.id;
    for (const PhaseLimit& phase : trial.limits.phases) {
      table.add_row({std::exchange(id, ""), phase.phase, number(1000 * phase.seconds, "{:.4g}"),
                     number(phase.intensity(), "{:.2f}"), number(phase.flops / phase.seconds / kGiga, "{:.1f}"),
                     number(phase.attainable() / kGiga, "{:.1f}"), share(phase.compute_time, phase),
                     share(phase.memory_time, phase), share(phase.idle_time, phase), share(phase.other_time, phase),
                     words(phase)});
    }
  }
  return table.text();
}

std::string roofs_text(const ResultFile& file) {
  TextTable table;
  table.add_column("trial", TextTable::Align::left);
  for (const char* heading : {"peak GFLOP/s", "GB/s", "of", "touched MB", "busy threads %", "cores %"}) {
    table.add_column(heading);
  }
  for (const TrialRecord& trial : file.trials) {
    if (!has_limits(trial)) continue;
    const LimitRecord& limits = trial.limits;
    table.add_row({trial.id, number(limits.peak_gflops, "{:.0f}"), number(limits.bandwidth, "{:.1f}"), limits.level,
                   number(limits.touched_bytes / kMega, "{:.1f}"), number(100 * limits.busy_share, "{:.0f}"),
                   number(100 * limits.busy_cores, "{:.0f}")});
  }
  return table.text();
}

std::string memory_text(const ResultFile& file) {
  TextTable table;
  table.add_column("trial", TextTable::Align::left);
  for (const char* heading :
       {"parameters MB", "gradients", "moments", "activations", "copies", "sum", "touched at most"}) {
    table.add_column(heading);
  }
  for (const TrialRecord& trial : file.trials) {
    if (!has_memory(trial)) continue;
    const NetworkMemory& model = trial.memory.model;
    const auto megabytes = [](double bytes) { return number(bytes / kMega, "{:.1f}"); };
    table.add_row({trial.id, megabytes(model.parameters), megabytes(model.gradients), megabytes(model.moments),
                   megabytes(model.activations), megabytes(model.copies), megabytes(model.sum()),
                   megabytes(trial.memory.resident_peak)});
  }
  return table.text();
}

constexpr const char* kLegend =
    "compute: the phase's multiply-adds at the FMA peak; memory: its bytes at the bandwidth of a triad over as many "
    "as\n"
    "a step touches; idle: cores without work; other: what is left; each of the phase's time. Limited by is the\n"
    "largest of idle, other, and the longer of the first two. attainable: GFLOP/s that peak and bandwidth allow;\n"
    "touched at most: by the process while the trial was at work, of small networks more, as memory comes in pages of "
    "2 MB\n";

/// NaN is no JSON.
Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json limits_json(const LimitRecord& limits) {
  Json phases = Json::array();
  for (const PhaseLimit& phase : limits.phases) {
    phases.push_back({{"phase", phase.phase},
                      {"flops", number_or_null(phase.flops)},
                      {"bytes", number_or_null(phase.bytes)},
                      {"seconds", number_or_null(phase.seconds)},
                      {"compute_time", number_or_null(phase.compute_time)},
                      {"memory_time", number_or_null(phase.memory_time)},
                      {"idle_time", number_or_null(phase.idle_time)},
                      {"other_time", number_or_null(phase.other_time)},
                      {"limited_by", to_text(phase.limit)}});
  }
  return {{"peak_gflops", number_or_null(limits.peak_gflops)},
          {"bandwidth", number_or_null(limits.bandwidth)},
          {"touched_bytes", number_or_null(limits.touched_bytes)},
          {"level", limits.level},
          {"busy_share", number_or_null(limits.busy_share)},
          {"busy_cores", number_or_null(limits.busy_cores)},
          {"phases", phases}};
}

Json memory_json(const MemoryRecord& memory) {
  return {{"parameters", number_or_null(memory.model.parameters)},
          {"gradients", number_or_null(memory.model.gradients)},
          {"moments", number_or_null(memory.model.moments)},
          {"activations", number_or_null(memory.model.activations)},
          {"copies", number_or_null(memory.model.copies)},
          {"resident_peak", number_or_null(memory.resident_peak)}};
}

}  // namespace

std::string why_table(const ResultFile& file) {
  if (std::ranges::none_of(file.trials, has_limits)) {
    return file.experiment + ": no trial says what limited it: none was timed, or the file is of an older stepbench\n";
  }
  std::string text = phases_text(file) + "\n" + roofs_text(file) + "\n";
  if (std::ranges::any_of(file.trials, has_memory)) text += memory_text(file) + "\n";
  return text + kLegend;
}

std::string why_json(const ResultFile& file) {
  Json trials = Json::array();
  for (const TrialRecord& trial : file.trials) {
    trials.push_back({{"id", trial.id},
                      {"limits", has_limits(trial) ? limits_json(trial.limits) : Json()},
                      {"memory", has_memory(trial) ? memory_json(trial.memory) : Json()}});
  }
  return trials.dump(2) + "\n";
}

}  // namespace stepbench
