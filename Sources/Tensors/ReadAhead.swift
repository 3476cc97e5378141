/// Foretells which weights are read after which: as in the pass before.
///
/// Tokens that are generated, one by one or those of several sequences, read all weights, always in the same order. So the
/// phases of a pass are noted, and in the next pass each is told what its workers will read after it.
struct ReadAhead {
  /// Matrices that a phase reads, and how they are split.
  struct Phase {
    let matrices: [PackedMatrix]
    let splits: [Split]
    /// Whether a task takes the same panels of every matrix, rather than those of one.
    let sharesTasks: Bool
    /// What adapters have read besides: of first factors as they are dealt out, of second ones those of the same rows.
    var updates: (tasks: [LowRankTask], first: PendingProjections)?

    func reads(threads: Int) -> UpcomingReads {
      UpcomingReads(
        (0..<threads).map { worker in
          let parts = parts(worker, threads: threads)
          return (updates?.first.reads(worker) ?? []) + parts.flatMap { secondFactors($0, $1.rows(of: $0)) }
            + parts.map { matrix, part in
              UnsafeRawBufferPointer(
                start: matrix.panel(part.panels.lowerBound), count: part.panels.count * matrix.panelByteCount)
            }
        })
    }

    private func secondFactors(_ matrix: PackedMatrix, _ rows: Range<Int>) -> [UnsafeRawBufferPointer] {
      (updates?.tasks ?? []).flatMap { update in
        update.targets.filter { $0.matrix == ObjectIdentifier(matrix) }.map { $0.bytes(of: rows) }
      }
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

  /// What may change from pass to pass and with it the reads of a phase.
  struct Circumstances: Equatable {
    /// Where factors of adapters are read before, if there are any: those come and go.
    var factor: UnsafeRawPointer?
    /// Shares depend on it.
    var tokenCount = 1
  }

  private struct Step {
    let first: UnsafeRawPointer
    let circumstances: Circumstances
    let reads: UpcomingReads
  }

  private var steps: [Step] = []
  private var current = -1

  /// Notes that a phase begins to read at `first`.
  ///
  /// - Returns: whether it is known what the phase reads.
  mutating func follow(_ first: UnsafeRawPointer, _ circumstances: Circumstances) -> Bool {
    let next = current + 1 < steps.count ? current + 1 : 0
    if next < steps.count, steps[next].first == first {
      current = next
    } else if let known = steps.firstIndex(where: { $0.first == first }) {
      current = known
    } else {
      return false
    }
    return steps[current].circumstances == circumstances
  }

  /// Learns what the phase reads that begins at `first`.
  mutating func learn(_ first: UnsafeRawPointer, _ circumstances: Circumstances, _ reads: UpcomingReads) {
    let step = Step(first: first, circumstances: circumstances, reads: reads)
    if steps.indices.contains(current), steps[current].first == first {
      steps[current] = step
    } else {
      steps.append(step)
      current = steps.count - 1
    }
  }

  /// What is read after the phase that was noted last, as far as that is known.
  var next: UpcomingReads? {
    let following = current + 1 < steps.count ? current + 1 : 0
    return following == current ? nil : steps[following].reads
  }
}
