#include "variants/rank_program/world.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "core/error.hpp"

namespace stepbench {
namespace {

constexpr int kLinkTag = 0, kOrderTag = 1;                  // the parts of gradients have those from 2 on
constexpr std::size_t kLargestPart = std::size_t{1} << 30;  // bytes: MPI counts in int

}  // namespace

World::World() {
  int granted = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &granted);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  if (granted < MPI_THREAD_SERIALIZED) abort("this MPI cannot be called by more than one thread in turn");
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host_);
  int neighbours = 0;
  MPI_Comm_size(host_, &neighbours);
  int fewest = neighbours;
  MPI_Allreduce(&neighbours, &fewest, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  on_one_host_ = fewest == size_;
}

World::~World() {
  MPI_Comm_free(&host_);
  MPI_Finalize();
}

std::string World::library() const {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string name(text, static_cast<std::size_t>(length));
  name.resize(std::min(name.find_first_of(",\n"), name.size()));  // its first line, before what it was built with
  while (!name.empty() && (std::isspace(static_cast<unsigned char>(name.back())) != 0 || name.back() == '\0')) {
    name.pop_back();
  }
  // `MPICH Version:<tab>4.0.2`, `Open MPI v4.1.4`
  const std::size_t digit = name.find_first_of("0123456789");
  if (digit == std::string::npos) return name;
  return name.substr(0, name.find_first_of(" :\t", name.starts_with("Open MPI") ? 5 : 0)) + " " + name.substr(digit);
}

std::vector<pid_t> World::processes_of_first_host() const {
  const int mine = getpid();
  int count = 0, place = 0;
  MPI_Comm_size(host_, &count);
  MPI_Comm_rank(host_, &place);
  std::vector<int> all(static_cast<std::size_t>(count));
  MPI_Gather(&mine, 1, MPI_INT, all.data(), 1, MPI_INT, 0, host_);
  return {all.begin(), all.end()};
}

void World::send_order(const std::string& order) const {
  std::vector<MPI_Request> requests(static_cast<std::size_t>(size_ - 1));
  for (int rank = 1; rank < size_; ++rank) {
    MPI_Isend(order.data(), static_cast<int>(order.size()), MPI_CHAR, rank, kOrderTag, MPI_COMM_WORLD,
              &requests[static_cast<std::size_t>(rank - 1)]);
  }
  MPI_Waitall(size_ - 1, requests.data(), MPI_STATUSES_IGNORE);
}

std::string World::receive_order() const {
  using std::chrono::microseconds;
  constexpr microseconds kShortest{50}, kLongest{2000};  // of a look 10 us: half a percent of a core at the longest
  MPI_Status status;
  for (microseconds pause = kShortest;; pause = std::min(2 * pause, kLongest)) {
    int is_there = 0;
    MPI_Iprobe(0, kOrderTag, MPI_COMM_WORLD, &is_there, &status);
    if (is_there != 0) break;
    std::this_thread::sleep_for(pause);
  }
  int length = 0;
  MPI_Get_count(&status, MPI_CHAR, &length);
  std::string order(static_cast<std::size_t>(length), '\0');
  MPI_Recv(order.data(), length, MPI_CHAR, 0, kOrderTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return order;
}

void World::broadcast(void* data, std::size_t bytes) const {
  for (std::size_t done = 0; done < bytes; done += kLargestPart) {
    MPI_Bcast(static_cast<char*>(data) + done, static_cast<int>(std::min(kLargestPart, bytes - done)), MPI_BYTE, 0,
              MPI_COMM_WORLD);
  }
}

std::vector<double> World::gather(std::span<const double> values, std::span<const int> counts) const {
  std::vector<int> places;
  int next = 0;
  for (const int count : counts) {
    places.push_back(next);
    next += count;
  }
  std::vector<double> all(static_cast<std::size_t>(next));
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallgatherv(values.data(), static_cast<int>(values.size()), MPI_DOUBLE, all.data(), counts.data(), places.data(),
                  MPI_DOUBLE, MPI_COMM_WORLD, &request);
  wait_until([&request] {
    int is_through = 0;
    MPI_Test(&request, &is_through, MPI_STATUS_IGNORE);
    return is_through != 0;
  });
  return all;
}

std::string World::agree_on_problem(const std::string& problem) const {
  const int mine = problem.empty() ? size_ : rank_;
  int first = size_;
  MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (first == size_) return "";
  std::string text = problem;
  int length = static_cast<int>(text.size());
  MPI_Bcast(&length, 1, MPI_INT, first, MPI_COMM_WORLD);
  text.resize(static_cast<std::size_t>(length));
  MPI_Bcast(text.data(), length, MPI_CHAR, first, MPI_COMM_WORLD);
  return text;
}

void World::barrier() const { MPI_Barrier(MPI_COMM_WORLD); }

std::optional<World::Link> World::measure_link() const {
  if (size_ == 1) return std::nullopt;
  // The least of several: what disturbs a message only makes it later.
  const auto one_way = [this](std::size_t bytes, int times) {
    std::vector<char> message(bytes);
    const int length = static_cast<int>(bytes), last = size_ - 1;
    double least = 0;
    for (int i = 0; i < times; ++i) {
      const double begin = MPI_Wtime();
      if (rank_ == 0) {
        MPI_Send(message.data(), length, MPI_BYTE, last, kLinkTag, MPI_COMM_WORLD);
        MPI_Recv(message.data(), length, MPI_BYTE, last, kLinkTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      } else if (rank_ == last) {
        MPI_Recv(message.data(), length, MPI_BYTE, 0, kLinkTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(message.data(), length, MPI_BYTE, 0, kLinkTag, MPI_COMM_WORLD);
      }
      const double time = (MPI_Wtime() - begin) / 2;
      if (i == 0 || time < least) least = time;
    }
    return least;
  };
  constexpr std::size_t kLittle = 8, kMuch = std::size_t{1} << 20;
  barrier();
  const double latency = one_way(kLittle, 100);
  const double much = one_way(kMuch, 20);
  barrier();
  return Link{latency, static_cast<double>(kMuch) / std::max(much - latency, 1e-9)};
}

void World::abort(const std::string& why) const {
  std::fprintf(stderr, "stepbench-rank: rank %d: %s\n", rank_, why.c_str());
  std::fflush(stderr);
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::_Exit(1);
}

}  // namespace stepbench
