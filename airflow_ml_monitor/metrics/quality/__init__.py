"""How sound the data is: counts and shares of one window, without judging them."""
