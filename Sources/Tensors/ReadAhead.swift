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
    /// What adapters have read: a worker's part of first factors, and second factors of a matrix's rows.
    var firstFactors: (_ worker: Int) -> [UnsafeRawBufferPointer] = { _ in [] }
    var secondFactors: (_ matrix: PackedMatrix, _ rows: Range<Int>) -> [UnsafeRawBufferPointer] = { _, _ in [] }

    func reads(threads: Int) -> UpcomingReads {
      UpcomingReads(
        (0..<threads).map { worker in
          let parts = parts(worker, threads: threads)
          return firstFactors(worker) + parts.flatMap { secondFactors($0, $1.rows(of: $0)) }
            + parts.map { matrix, part in
              UnsafeRawBufferPointer(
                start: matrix.panel(part.panels.lowerBound), count: part.panels.count * matrix.panelByteCount)
            }
        })
    }

    /// A worker's share.
    private func parts(_ worker: Int, threads: Int) -> [(PackedMatrix, Split.Part)] {
      let count = sharesTasks ? splits.first?.taskCount ?? 0 : splits.reduce(0) { $0 + $1.taskCount }
      let share = WorkShares.share(worker, of: count, workers: threads)
      var first = 0
      return zip(matrices, splits).compactMap { matrix, split in
        let own = share.clamped(to: first..<first + split.taskCount)
        let tasks = own.lowerBound - first..<own.upperBound - first
        if !sharesTasks { first += split.taskCount }
        return own.isEmpty ? nil : (matrix, split.part(tasks))
      }
    }
  }

  private struct Step {
    let first: UnsafeRawPointer
    var factor: UnsafeRawPointer?
    var reads: UpcomingReads
  }

  private var steps: [Step] = []
  private var current = -1

  /// Notes that a phase begins to read at `first`, and returns what is read after it, if that is known.
  ///
  /// - Parameters:
  ///   - factor: where it reads factors of adapters before, if it does: those come and go.
  ///   - phase: asked for when the phase is seen for the first time, or with other factors.
  mutating func follow(
    _ first: UnsafeRawPointer, factor: UnsafeRawPointer? = nil, threads: Int, _ phase: () -> Phase
  ) -> UpcomingReads? {
    let next = current + 1 < steps.count ? current + 1 : 0
    if next < steps.count, steps[next].first == first {
      current = next
    } else if let known = steps.firstIndex(where: { $0.first == first }) {
      current = known
    } else {
      steps.append(Step(first: first, factor: factor, reads: phase().reads(threads: threads)))
      current = steps.count - 1
    }
    if steps[current].factor != factor {
      steps[current].factor = factor
      steps[current].reads = phase().reads(threads: threads)
    }
    let following = current + 1 < steps.count ? current + 1 : 0
    return following == current ? nil : steps[following].reads
  }
}
