// `stepbench sample` up to the text it emits: choosing tokens, spelling prompts, and everything that it refuses.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/error.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/sample/sample.hpp"
#include "experiments/sample/vocabulary.hpp"
#include "tests/experiments/stored_trials.hpp"

namespace stepbench::testing {
namespace {

using Catch::Matchers::Contains;

const std::vector<std::string> kLetters = {"\n", "a", "b", "c", "é"};

std::string sample_text(const ResultFile& file, const sample::SampleOptions& options = {}) {
  std::string text;
  sample::sample(file, "made.h5", options, [&text](std::string_view piece) { text += piece; });
  return text;
}

std::string text_of(const sample::SampleOptions& options) {
  return sample_text(stored_file({stored_trial("blas-t1-s1", small_transformer(), kLetters)}), options);
}

template <typename Function>
std::string error_of(Function function) {
  try {
    function();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string refusal(const ResultFile& file, const sample::SampleOptions& options = {}) {
  std::string emitted;
  const std::string message = error_of(
      [&] { sample::sample(file, "made.h5", options, [&emitted](std::string_view piece) { emitted += piece; }); });
  CHECK(emitted.empty());
  CHECK(message.find('\n') == std::string::npos);
  return message;
}

sample::SampleOptions parsed(const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {"made.h5"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return sample::sample_options(parse_command_line(sample_command().line, arguments));
}

/// How often each of 4000 draws gave each token.
std::vector<double> frequencies(const std::vector<double>& logits, const sample::SampleOptions& options) {
  constexpr int kDraws = 4000;
  RandomStream stream(1, Purpose::sampling);
  std::vector<double> counts(logits.size());
  for (int i = 0; i < kDraws; ++i)
    counts[static_cast<std::size_t>(sample::pick_token(logits, options, stream))] += 1.0 / kDraws;
  return counts;
}

}  // namespace

TEST_CASE("tokens are drawn as often as softmax of logits over temperature says") {
  const std::vector<double> logits = {std::log(0.5), std::log(0.125), std::log(0.25), std::log(0.125)};
  sample::SampleOptions options;
  options.temperature = 1;
  const std::vector<double> at_1 = frequencies(logits, options);
  CHECK(at_1[0] == Approx(0.5).margin(0.03));
  CHECK(at_1[1] == Approx(0.125).margin(0.03));
  CHECK(at_1[2] == Approx(0.25).margin(0.03));
  options.temperature = 0.5;  // squares the probabilities
  CHECK(frequencies(logits, options)[0] == Approx(0.25 / (0.25 + 0.0625 + 2.0 / 64)).margin(0.03));
}

TEST_CASE("top-k draws among the k largest logits only, of equal ones the first") {
  sample::SampleOptions options;
  options.temperature = 1;
  options.top_k = 2;
  const std::vector<double> drawn = frequencies({0.0, 1.0, 3.0, 1.0}, options);
  CHECK(drawn[0] == 0);
  CHECK(drawn[1] == Approx(1 / (1 + std::exp(2.0))).margin(0.03));
  CHECK(drawn[3] == 0);
}

TEST_CASE("temperature 0 takes the largest logit, the first of equals") {
  sample::SampleOptions options;
  options.temperature = 0;
  RandomStream stream(1, Purpose::sampling);
  CHECK(sample::pick_token(std::vector<double>{0.0, 2.0, 2.0, 1.0}, options, stream) == 1);
}

TEST_CASE("a temperature next to nothing and logits far apart are no trouble") {
  sample::SampleOptions options;
  options.temperature = 1e-300;
  RandomStream stream(1, Purpose::sampling);
  CHECK(sample::pick_token(std::vector<double>{-1e6, 5.0, 1e6}, options, stream) == 2);
}

TEST_CASE("a text has the length asked for, from the vocabulary, beyond the context too") {
  for (const std::int64_t tokens : {1L, 5L, 50L}) {
    const sample::Vocabulary vocabulary(kLetters);
    CHECK(std::ssize(vocabulary.encode(text_of({.tokens = tokens}))) == tokens);
  }
}

TEST_CASE("the same seed gives the same text, another seed another") {
  CHECK(text_of({.seed = 1}) == text_of({.seed = 1}));
  std::set<std::string> texts;
  for (const std::uint64_t seed : {1U, 2U, 3U}) texts.insert(text_of({.seed = seed}));
  CHECK(texts.size() == 3);
}

TEST_CASE("greedy text depends on no seed, and top-k 1 is greedy at any temperature") {
  const std::string greedy = text_of({.temperature = 0, .seed = 1});
  CHECK(text_of({.temperature = 0, .seed = 2}) == greedy);
  CHECK(text_of({.temperature = 5, .top_k = 1}) == greedy);
}

TEST_CASE("the text begins with the prompt and goes on from it") {
  sample::SampleOptions options;
  options.prompt = "bé";
  options.tokens = 5;
  const std::string text = text_of(options);
  CHECK(text.rfind("bé", 0) == 0);
  CHECK(std::ssize(sample::Vocabulary(kLetters).encode(text)) == 7);
  std::set<std::string> continuations;
  for (const char* prompt : {"a", "b", "c"}) {
    continuations.insert(text_of({.prompt = prompt, .temperature = 0}).substr(1));
  }
  CHECK(continuations.size() > 1);
}

TEST_CASE("without a prompt the text follows a newline that is not printed, or else the first token, which is") {
  const sample::SampleOptions greedy{.temperature = 0, .tokens = 5};
  const std::string after_newline = text_of({.prompt = "\n", .temperature = 0, .tokens = 5});
  CHECK("\n" + text_of(greedy) == after_newline);
  const ResultFile words = stored_file({stored_trial("blas-t1-s1", small_transformer(), {"0", "1", "10", "11", "="})});
  CHECK(sample_text(words, greedy) == sample_text(words, {.prompt = "0", .temperature = 0, .tokens = 5}));
}

TEST_CASE("tokens of several characters are printed with spaces between them") {
  const ResultFile words = stored_file({stored_trial("blas-t1-s1", small_transformer(), {"0", "1", "10", "11", "="})});
  const std::string text = sample_text(words, {.prompt = "11 10=", .temperature = 0, .tokens = 2});
  CHECK(text.rfind("11 10 = ", 0) == 0);
  CHECK(std::count(text.begin(), text.end(), ' ') == 4);
}

TEST_CASE("a trial in float32 is sampled as its values in double") {
  TrialRecord rounded = stored_trial("blas-t1-s1", small_transformer(), kLetters);
  TrialRecord narrow = rounded;
  const ModelSettings model = small_transformer();
  std::vector<double> parameters = random_parameters(model);
  for (double& value : parameters) value = static_cast<double>(static_cast<float>(value));
  rounded.final_parameters = named_tensors<double>(model, parameters);
  narrow.final_parameters = named_tensors<float>(model, parameters);
  CHECK(sample_text(stored_file({narrow})) == sample_text(stored_file({rounded})));
}

TEST_CASE("the first completed transformer with stored parameters is sampled unless a trial is named") {
  TrialRecord mlp = stored_trial("a", small_transformer(), kLetters, 1);
  mlp.settings[0].second = std::string("mlp");
  TrialRecord bare = stored_trial("b", small_transformer(), kLetters, 2);
  bare.final_parameters.clear();
  TrialRecord stopped = stored_trial("c", small_transformer(), kLetters, 3);
  stopped.status = Status::interrupted;
  const TrialRecord first = stored_trial("d", small_transformer(), kLetters, 4);
  const TrialRecord second = stored_trial("e", small_transformer(), kLetters, 5);
  const ResultFile file = stored_file({mlp, bare, stopped, first, second});
  CHECK(sample_text(file) == sample_text(stored_file({first})));
  CHECK(sample_text(file, {.trial = "e"}) == sample_text(stored_file({second})));
  CHECK(sample_text(file, {.trial = "c"}) == sample_text(file, {.trial = "c"}));
  CHECK(refusal(file, {.trial = "x"}) == "made.h5: --trial: found \"x\", allowed: c, d, e");
  CHECK_THAT(refusal(file, {.trial = "a"}), Contains("trial a is not a transformer") && Contains("c, d, e"));
  CHECK_THAT(refusal(file, {.trial = "b"}),
             Contains("trial b stores no parameters") && Contains("record.parameters = final") && Contains("c, d, e"));
}

TEST_CASE("a file without a trial to sample says why") {
  TrialRecord bare = stored_trial("b", small_transformer(), kLetters);
  bare.final_parameters.clear();
  CHECK_THAT(refusal(stored_file({bare})), Contains("record.parameters = final"));
  TrialRecord mlp = stored_trial("a", small_transformer(), kLetters);
  mlp.settings[0].second = std::string("mlp");
  CHECK_THAT(refusal(stored_file({mlp})), Contains("is not a transformer"));
  CHECK_THAT(refusal(stored_file({mlp, bare})), Contains("record.parameters = final"));
  TrialRecord stopped = stored_trial("c", small_transformer(), kLetters);
  stopped.status = Status::interrupted;
  CHECK_THAT(refusal(stored_file({stopped})), Contains("c is interrupted") && Contains("--trial"));
  CHECK_THAT(refusal(stored_file({})), Contains("no trials"));
}

TEST_CASE("a trial whose settings and parameters do not fit is refused with what is wrong") {
  const TrialRecord good = stored_trial("t", small_transformer(), kLetters);
  const auto refuse_with = [&good](const std::string& key, const Value& value) {
    TrialRecord trial = good;
    for (auto& [name, setting] : trial.settings) {
      if (name == key) setting = value;
    }
    return refusal(stored_file({trial}));
  };
  CHECK_THAT(refuse_with("model.d_model", std::int64_t{16}), Contains("token_embedding.weight has the shape (5, 8)"));
  CHECK_THAT(refuse_with("model.d_model", std::int64_t{1} << 24), Contains("token_embedding.weight"));
  CHECK_THAT(refuse_with("model.heads", std::int64_t{0}), Contains("model.heads = 0"));
  CHECK_THAT(refuse_with("model.heads", std::int64_t{3}), Contains("3 heads for a width of 8"));
  CHECK_THAT(refuse_with("model.blocks", std::int64_t{3}), Contains("blocks.2.norm1.weight"));
  CHECK_THAT(refuse_with("model.blocks", std::int64_t{1}), Contains("blocks.1.norm1.weight"));
  CHECK_THAT(refuse_with("model.blocks", std::int64_t{1} << 40), Contains("model.blocks"));
  CHECK_THAT(refuse_with("model.context", std::int64_t{7}), Contains("position_embedding.weight"));
  CHECK_THAT(refuse_with("model.position", std::string("rotary")), Contains("model.position = rotary"));
  CHECK_THAT(refuse_with("model.tied_embeddings", true), Contains("head.weight"));
  CHECK_THAT(refuse_with("model.tied_embeddings", std::string("true")), Contains("stores no model.tied_embeddings"));
  TrialRecord trial = good;
  trial.vocabulary = to_json(std::vector<std::string>{"a", "b"});
  CHECK_THAT(refusal(stored_file({trial})), Contains("token_embedding.weight has the shape (5, 8), but (2, 8)"));
  trial.vocabulary = "[";
  CHECK_THAT(refusal(stored_file({trial})), Contains("vocabulary that cannot be read"));
  trial.vocabulary.clear();
  CHECK_THAT(refusal(stored_file({trial})), Contains("stores no vocabulary"));
  trial = good;
  std::get<std::vector<double>>(trial.final_parameters[3].values)[0] = kNotANumber;
  CHECK_THAT(refusal(stored_file({trial})), Contains("not finite"));
}

TEST_CASE("a prompt that the vocabulary cannot spell is refused with the character") {
  const ResultFile file = stored_file({stored_trial("t", small_transformer(), kLetters)});
  CHECK_THAT(refusal(file, {.prompt = "abxc"}), Contains("--prompt") && Contains("no \"x\""));
  CHECK_THAT(refusal(file, {.prompt = "aü"}), Contains("no \"ü\""));
  CHECK_THAT(refusal(file, {.prompt = "a b"}), Contains("no \" \""));
  CHECK_THAT(refusal(file, {.prompt = "a\tb"}), Contains("byte 0x09"));
  CHECK_THAT(refusal(file, {.prompt = "a\xff"}), Contains("byte 0xff"));
  CHECK_THAT(refusal(file, {.prompt = ""}), Contains("--prompt") && Contains("at least one character"));
}

TEST_CASE("a prompt is cut into the longest tokens") {
  const sample::Vocabulary vocabulary({"1", "12", "2", "3", "="});
  CHECK(vocabulary.encode("123=") == std::vector<std::int32_t>{1, 3, 4});
  CHECK(vocabulary.encode(" 1 2 =") == std::vector<std::int32_t>{0, 2, 4});
}

TEST_CASE("bytes as tokens spell any text that has them") {
  const sample::Vocabulary vocabulary({"\n", "a", "\xa9", "\xc3"});
  CHECK(vocabulary.encode("aé") == std::vector<std::int32_t>{1, 3, 2});
  CHECK_THAT(error_of([&] { static_cast<void>(vocabulary.encode("ã")); }), Contains("byte 0xa3"));
}

TEST_CASE("options are read, with their defaults") {
  const sample::SampleOptions defaults = parsed({});
  CHECK(!defaults.trial);
  CHECK(!defaults.prompt);
  CHECK(defaults.temperature == 0.8);
  CHECK(!defaults.top_k);
  CHECK(defaults.tokens == 300);
  CHECK(defaults.seed == 1);
  const sample::SampleOptions given = parsed({"--trial", "x", "--prompt", "Call me", "--temperature", "0", "--top-k=5",
                                              "--tokens", "7", "--seed", "18446744073709551615"});
  CHECK(given.trial == "x");
  CHECK(given.prompt == "Call me");
  CHECK(given.temperature == 0);
  CHECK(given.top_k == 5);
  CHECK(given.tokens == 7);
  CHECK(given.seed == 18446744073709551615U);
}

TEST_CASE("options out of range or malformed are refused with what is allowed") {
  const auto [option, word] = GENERATE(table<std::string, std::string>({{"temperature", "-0.1"},
                                                                        {"temperature", "nan"},
                                                                        {"temperature", "inf"},
                                                                        {"temperature", "1e999"},
                                                                        {"temperature", "warm"},
                                                                        {"temperature", "1x"},
                                                                        {"temperature", ""},
                                                                        {"top-k", "0"},
                                                                        {"top-k", "-1"},
                                                                        {"top-k", "2.5"},
                                                                        {"tokens", "0"},
                                                                        {"tokens", "99999999999999999999"},
                                                                        {"seed", "-1"},
                                                                        {"seed", "18446744073709551616"}}));
  const std::vector<std::string> arguments = {"--" + option + "=" + word};
  const std::string message = error_of([&] { static_cast<void>(parsed(arguments)); });
  INFO(message);
  CHECK_THAT(message, Contains("--" + option));
}

}  // namespace stepbench::testing
