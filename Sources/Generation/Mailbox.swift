import Dispatch
import Synchronization

/// A queue from many callers to one thread, first come, first served.
final class Mailbox<Message: Sendable>: Sendable {
  private struct State {
    var messages: [Message] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  /// Counts the messages, and one more for the end.
  private let filled = DispatchSemaphore(value: 0)

  func post(_ message: Message) {
    state.withLock { $0.messages.append(message) }
    filled.signal()
  }

  /// No more will be posted; what is in the queue is still delivered.
  func close() {
    state.withLock { $0.isClosed = true }
    filled.signal()
  }

  enum Taken {
    case message(Message)
    /// Not now; only without waiting.
    case nothing
    /// No more will come.
    case closed
  }

  /// The next message, waiting for it or not.
  func take(waits: Bool) -> Taken {
    if waits {
      filled.wait()
    } else if filled.wait(timeout: .now()) == .timedOut {
      return .nothing
    }
    return state.withLock { $0.messages.isEmpty ? .closed : .message($0.messages.removeFirst()) }
  }
}
