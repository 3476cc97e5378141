/// Foretells which weights are read after which: as in the pass before.
///
/// Tokens generated one by one read all weights, always in the same order. So the phases of a pass are noted, and in the
/// next pass each is told what its workers will read after it.
struct ReadAhead {
  /// Matrices that a phase reads, and how they are split.
  struct Phase {
    let matrices: [PackedMatrix]
    let splits: [Split]
    /// Whether a task takes the same panels of every matrix, rather than those of one.
    let sharesTasks: Bool

    /// The panels of a worker's share.
    func stretches(_ worker: Int, threads: Int) -> [UnsafeRawBufferPointer] {
      let count = sharesTasks ? splits.first?.taskCount ?? 0 : splits.reduce(0) { $0 + $1.taskCount }
      let share = WorkShares.share(worker, of: count, workers: threads)
      var first = 0
      return zip(matrices, splits).compactMap { matrix, split in
        let own = share.clamped(to: first..<first + split.taskCount)
        let panels = own.isEmpty ? 0..<0 : split.part(own.lowerBound - first..<own.upperBound - first).panels
        if !sharesTasks { first += split.taskCount }
        guard !panels.isEmpty else { return nil }
        return UnsafeRawBufferPointer(
          start: matrix.panel(panels.lowerBound), count: panels.count * matrix.panelByteCount)
      }
    }
  }

  private struct Step {
    let first: UnsafeRawPointer
    let reads: UpcomingReads
  }

  private var steps: [Step] = []
  private var current = -1

  /// Notes that a phase begins to read at `first`, and returns what is read after it, if that is known.
  ///
  /// - Parameter phase: asked for when the phase is seen for the first time.
  mutating func follow(_ first: UnsafeRawPointer, threads: Int, _ phase: () -> Phase) -> UpcomingReads? {
    let next = current + 1 < steps.count ? current + 1 : 0
    if next < steps.count, steps[next].first == first {
      current = next
    } else if let known = steps.firstIndex(where: { $0.first == first }) {
      current = known
    } else {
      let phase = phase()
      steps.append(
        Step(first: first, reads: UpcomingReads((0..<threads).map { phase.stretches($0, threads: threads) })))
      current = steps.count - 1
    }
    let following = current + 1 < steps.count ? current + 1 : 0
    return following == current ? nil : steps[following].reads
  }
}
