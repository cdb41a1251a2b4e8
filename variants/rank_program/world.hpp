// The ranks of this run, as far as what is done here needs of MPI. Only rank programs are linked with it.
#pragma once

#include <mpi.h>
#include <sched.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace stepbench {

/// Of this process. Everything but receive_order is to be called by all ranks, in the same order.
class World {
 public:
  World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] std::string library() const;  // `Open MPI v4.1.4`
  [[nodiscard]] bool on_one_host() const { return on_one_host_; }
  /// The processes of the ranks that run on rank 0's host.
  [[nodiscard]] std::vector<pid_t> processes_of_first_host() const;

  /// From rank 0 to all others, which wait for it asleep: between blocks nobody may take a core.
  void send_order(const std::string& order) const;
  [[nodiscard]] std::string receive_order() const;

  template <typename T>
  void broadcast(std::span<T> values) const {
    broadcast(values.data(), values.size_bytes());
  }
  /// The values of all ranks, rank by rank; they need not have equally many.
  [[nodiscard]] std::vector<double> gather(std::span<const double> values, std::span<const int> counts) const;
  /// The first rank's that has one: what stands in the way, or nothing.
  [[nodiscard]] std::string agree_on_problem(const std::string& problem) const;
  void barrier() const;
  /// Of messages between the first rank and the last, that rank 0 timed; nothing for one rank.
  struct Link {
    double latency, bandwidth;  // s, bytes per s
  };
  [[nodiscard]] std::optional<Link> measure_link() const;
  /// Ends all ranks, whatever they do.
  [[noreturn]] void abort(const std::string& why) const;

 private:
  void broadcast(void* data, std::size_t bytes) const;

  int rank_ = 0, size_ = 1;
  bool on_one_host_ = true;
  MPI_Comm host_ = MPI_COMM_NULL;  // the ranks of this host
};

template <typename Scalar>
[[nodiscard]] MPI_Datatype mpi_type() {
  if constexpr (std::is_same_v<Scalar, float>) {
    return MPI_FLOAT;
  } else {
    return MPI_DOUBLE;
  }
}

/// Calls look() until it says true. With a core to spare for each rank nothing is lost; else they let each other run.
template <typename Look>
void wait_until(const Look& look) {
  // Before it lets others run. 1, 64 and 4096 are equally fast within the noise (3%), for 2 and for 4 ranks on 2 cores
  // of an AMD EPYC (Zen 5), batch 512; more cores were not tried.
  constexpr int kLooks = 64;
  for (int looks = 0; !look(); ++looks) {
    if (looks >= kLooks) sched_yield();
  }
}

}  // namespace stepbench
