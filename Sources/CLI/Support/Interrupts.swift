import KingletTensors
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The writing end of the pipe between the signal handler and its thread.
private let signalPipe = Atomic<Int32>(-1)

/// Ctrl-C. A thread waits for the signal, so that what it starts need not be safe within a signal handler.
///
/// The first Ctrl-C calls the current handler, if there is one; without a handler, or when it comes again before the
/// handler has had its effect, the process ends with code 130.
final class Interrupts: Sendable {
  static let shared = Interrupts()

  private struct State {
    var handler: (@Sendable () -> Void)?
    var isPending = false
  }
  private let state = Mutex(State())
  private let wasInterrupted = Atomic<Bool>(false)

  /// Whether Ctrl-C has been pressed since the last `handle`.
  var isInterrupted: Bool { wasInterrupted.load(ordering: .relaxed) }

  /// Begins to listen. (Blocking the signal and waiting for it would not do: libraries start threads before `main`,
  /// and the signal would end the process on one of those.)
  func start() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    let (reading, writing) = (ends[0], ends[1])
    signalPipe.store(writing, ordering: .sequentiallyConsistent)
    signal(SIGINT) { _ in
      // All that a signal handler may do: pass the word on.
      var byte: UInt8 = 0
      _ = write(signalPipe.load(ordering: .relaxed), &byte, 1)
    }
    startThread(stackByteCount: 1 << 18) {
      var byte: UInt8 = 0
      while true {
        let count = read(reading, &byte, 1)
        if count == 1 { self.interrupt() } else if count == 0 || errno != EINTR { return }
      }
    }
  }

  /// Sets what the next Ctrl-C does; nil makes it end the process.
  func handle(_ handler: (@Sendable () -> Void)?) {
    state.withLock { $0 = State(handler: handler) }
    wasInterrupted.store(false, ordering: .relaxed)
  }

  private func interrupt() {
    wasInterrupted.store(true, ordering: .relaxed)
    let handler = state.withLock { state -> (@Sendable () -> Void)? in
      defer { state.isPending = true }
      return state.isPending ? nil : state.handler
    }
    if let handler { handler() } else { Self.exit() }
  }

  /// Ends the process as one that Ctrl-C has stopped.
  static func exit() -> Never {
    if isTerminal(STDERR_FILENO) { standardError("\n") }
    #if canImport(Darwin)
      Darwin.exit(130)
    #elseif canImport(Musl)
      Musl.exit(130)
    #else
      Glibc.exit(130)
    #endif
  }
}
