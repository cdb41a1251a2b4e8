// How doctor's findings are printed.
#include <catch2/catch.hpp>

#include "experiments/doctor/doctor.hpp"

namespace stepbench::testing {

using Catch::Matchers::Contains;

namespace {

const std::vector<doctor::Finding> kFindings = {{doctor::Section::machine, doctor::Verdict::ok, "cores", "2", "", ""},
                                                {doctor::Section::noise, doctor::Verdict::warning, "background load",
                                                 "a lot", "It spoils \"everything\".", "Stop it."}};

}  // namespace

TEST_CASE("doctor's text has a line a check under its section, and what it means and what to do below") {
  CHECK(doctor::as_text(kFindings, false) ==
        "The machine\n"
        "  ok       cores              2\n"
        "\n"
        "Noise\n"
        "  warning  background load    a lot\n"
        "             It spoils \"everything\".\n"
        "             -> Stop it.\n"
        "\n"
        "1 warning, 0 notes. Lines with -> say what can be done.\n");
}

TEST_CASE("doctor's text is coloured only where asked") {
  CHECK_THAT(doctor::as_text(kFindings, true), Contains("\x1b[1;33mwarning  \x1b[0m"));
  CHECK_THAT(doctor::as_text(kFindings, false), !Contains("\x1b"));
}

TEST_CASE("doctor's text is broken at words before the terminal's last column, and before column 100") {
  std::string words;
  for (int i = 0; i < 60; ++i) words += "word ";
  const auto [given, most] = GENERATE(std::pair(60, 60), std::pair(100, 100), std::pair(300, 100));
  const std::string text =
      doctor::as_text({{doctor::Section::noise, doctor::Verdict::note, "check", words, words, words}}, false,
                      static_cast<std::size_t>(given));
  std::size_t begin = 0, longest = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  CAPTURE(given, most);
  CHECK(longest <= static_cast<std::size_t>(most));
  CHECK(longest > static_cast<std::size_t>(most - 10));
}

TEST_CASE("doctor's JSON has all of a finding, in order, whatever bytes are in it") {
  std::vector<doctor::Finding> findings = {kFindings[1]};
  findings[0].sees = "not \xff UTF-8";
  CHECK(doctor::as_json(findings) ==
        "[\n"
        "  {\n"
        "    \"section\": \"noise\",\n"
        "    \"check\": \"background load\",\n"
        "    \"verdict\": \"warning\",\n"
        "    \"sees\": \"not \xEF\xBF\xBD UTF-8\",\n"
        "    \"means\": \"It spoils \\\"everything\\\".\",\n"
        "    \"advice\": \"Stop it.\"\n"
        "  }\n"
        "]\n");
}

}  // namespace stepbench::testing
