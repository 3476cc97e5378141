import Synchronization

/// A bar on standard error for work that takes longer than two seconds; nothing where that is no terminal.
final class ProgressBar: Sendable {
  private let label: String
  private let isShown: Bool
  private let start = ContinuousClock.now
  private let drawn = Mutex(-1)

  init(_ label: String) {
    self.label = label
    isShown = isTerminal(2)
  }

  /// Redraws for a fraction in 0…1, at most once for each percent.
  func update(_ fraction: Double, note: String = "") {
    guard isShown, start.duration(to: .now) > .seconds(2) else { return }
    let percent = Int(min(max(fraction, 0), 1) * 100)
    drawn.withLock { drawn in
      guard percent != drawn || !note.isEmpty else { return }
      drawn = percent
      let filled = percent * 30 / 100
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
      standardError("\r\(label) \(bar) \(percent) % \(note)\u{1B}[K")
    }
  }

  /// Takes the bar away.
  func finish() {
    drawn.withLock { drawn in
      if drawn >= 0 { standardError("\r\u{1B}[K") }
      drawn = -1
    }
  }
}
