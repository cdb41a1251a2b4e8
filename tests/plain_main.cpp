#include "tests/catch_session.hpp"

int main(int argc, char** argv) { return stepbench::testing::run_tests(argc, argv); }
