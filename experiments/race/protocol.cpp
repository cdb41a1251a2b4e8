#include "experiments/race/protocol.hpp"

#include <fmt/format.h>

#include "core/text/number.hpp"

namespace stepbench::race {
namespace {

constexpr std::string_view kGreeting = "stepbench-race";

/// Takes a line apart, word by word.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  std::string_view next() {
    const std::size_t end = rest_.find(' ');
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return word;
  }

  template <typename T>
  std::optional<T> number() {
    return parse_number<T>(next());
  }

  std::optional<std::int64_t> count() {
    const std::optional<std::int64_t> value = number<std::int64_t>();
    return value && *value >= 0 ? value : std::nullopt;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::string greeting_line(const Greeting& greeting) {
  return fmt::format("{} {} {}", kGreeting, greeting.protocol, greeting.build);
}
std::string ready_line(std::int64_t total_steps) { return fmt::format("ready {}", total_steps); }
std::string train_line(const TrainRequest& request) { return fmt::format("train {} {}", request.count, request.round); }
std::string done_line(const std::string& digest) { return "done " + digest; }

std::string block_line(const Block& block) {
  std::string line = fmt::format("block {}", block.step_time);  // the shortest text that reads back the same
  for (const double loss : block.losses) line += fmt::format(" {}", loss);
  return line;
}

std::optional<Greeting> parse_greeting(std::string_view line) {
  Words words(line);
  if (words.next() != kGreeting) return std::nullopt;
  const std::optional<std::int64_t> protocol = words.count();
  if (!protocol || words.at_end()) return std::nullopt;
  return Greeting{*protocol, std::string(words.rest())};
}

std::optional<std::int64_t> parse_ready(std::string_view line) {
  Words words(line);
  if (words.next() != "ready") return std::nullopt;
  const std::optional<std::int64_t> steps = words.count();
  return words.at_end() ? steps : std::nullopt;
}

std::optional<TrainRequest> parse_train(std::string_view line) {
  Words words(line);
  if (words.next() != "train") return std::nullopt;
  const std::optional<std::int64_t> count = words.count(), round = words.count();
  if (!count || !round || !words.at_end()) return std::nullopt;
  return TrainRequest{*count, *round};
}

std::optional<Block> parse_block(std::string_view line) {
  Words words(line);
  if (words.next() != "block") return std::nullopt;
  const std::optional<double> step_time = words.number<double>();
  if (!step_time) return std::nullopt;
  Block block{*step_time, {}};
  while (!words.at_end()) {
    const std::optional<double> loss = words.number<double>();
    if (!loss) return std::nullopt;
    block.losses.push_back(*loss);
  }
  return block;
}

std::optional<std::string> parse_done(std::string_view line) {
  Words words(line);
  if (words.next() != "done" || words.at_end()) return std::nullopt;
  std::string digest(words.next());
  if (digest.empty() || !words.at_end()) return std::nullopt;
  return digest;
}

}  // namespace stepbench::race
