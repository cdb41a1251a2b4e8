// Whatever bytes a config holds, loading it succeeds or ends in one clean line. Fixed seeds: a failure can be replayed.
#include <catch2/catch.hpp>
#include <random>

#include "tests/config/config_fixture.hpp"

namespace stepbench::testing {
namespace {

/// Loads as quick.cfg; true when it loads or fails as an input error should.
bool ends_cleanly(const std::string& text, const std::vector<std::string>& overrides = {}) {
  write_text_file("quick.cfg", text);
  try {
    static_cast<void>(load_experiment("quick.cfg", overrides, kTestKeys));
    return true;
  } catch (const InputError& error) {
    const std::string message = error.what();
    const bool is_one_line = message.find('\n') == std::string::npos;
    return is_one_line && (message.starts_with("quick.cfg:") || message.starts_with("--set"));
  }
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : engine_(seed) {}

  std::size_t below(std::size_t limit) { return engine_() % limit; }
  char byte() { return static_cast<char>(static_cast<unsigned char>(below(256))); }
  std::string bytes(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += byte();
    return text;
  }

  /// A byte changed, removed or put in, a piece doubled or removed, or a piece of syntax put in.
  std::string mutate(std::string text) {
    static const std::vector<std::string> kPieces = {"=",
                                                     "[",
                                                     "]",
                                                     "\n",
                                                     ",",
                                                     "|",
                                                     "#",
                                                     " #",
                                                     ";",
                                                     "\"",
                                                     "\r",
                                                     "-",
                                                     "1e99",
                                                     "nan",
                                                     "\t",
                                                     "[sweep]\n",
                                                     ".",
                                                     "sweep.",
                                                     "training.batch_size = 1,2\n",
                                                     "\xEF\xBB\xBF",
                                                     "99999999999999999999"};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(20);
    switch (below(5)) {
      case 0:
        return text.insert(at, 1, byte());
      case 1:
        return text.erase(at, 1 + length);
      case 2:
        return text.insert(at, text.substr(below(text.size() + 1), length));
      case 3:
        return text.replace(at, std::min<std::size_t>(1, text.size() - at), 1, byte());
      default:
        return text.insert(at, kPieces[below(kPieces.size())]);
    }
  }

 private:
  std::mt19937 engine_;
};

const std::string kRich = std::string(kValid) +
                          "optimizer = adam\nbeta1 = 0.8\ntarget = validation_accuracy>=0.9\n[experiment]\n"
                          "description = \"a # b\"\n[measure]\nevaluate_every = 20 steps\nbaseline = blas\n[sweep]\n"
                          "threads = 1,2\ntraining.batch_size = 8,16\nmodel.init = he | xavier\n";

}  // namespace

TEST_CASE("random bytes never do worse than an input error") {
  const ConfigFolder folder;
  Mutator mutator(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = mutator.bytes(mutator.below(200));
    INFO("round " << i << ": " << text);
    REQUIRE(ends_cleanly(text));
  }
}

TEST_CASE("damaged configs never do worse than an input error") {
  const ConfigFolder folder;
  REQUIRE(ends_cleanly(kRich));
  Mutator mutator(2);
  for (int i = 0; i < 4000; ++i) {
    std::string text = kRich;
    for (std::size_t changes = 1 + mutator.below(4); changes > 0; --changes) text = mutator.mutate(text);
    INFO("round " << i << ": " << text);
    REQUIRE(ends_cleanly(text));
  }
}

TEST_CASE("damaged overrides never do worse than an input error") {
  const ConfigFolder folder;
  Mutator mutator(3);
  for (int i = 0; i < 2000; ++i) {
    std::string text = "sweep.training.batch_size=8,16";
    for (std::size_t changes = 1 + mutator.below(4); changes > 0; --changes) text = mutator.mutate(text);
    INFO("round " << i << ": " << text);
    REQUIRE(ends_cleanly(kRich, {text}));
  }
}

}  // namespace stepbench::testing
